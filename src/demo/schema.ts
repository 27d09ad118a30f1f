import type { Schema } from '../index.js';

/** A Standard Schema for an object, by what each of its fields must be. */
export function objectOf<T extends object>(fields: {
  readonly [K in keyof T]: FieldType;
}): Schema<T> {
  return {
    '~standard': {
      version: 1,
      vendor: 'jobledger-demo',
      validate: (value) => {
        const record = Object(value) as Readonly<Record<string, unknown>>;
        const issues = Object.entries<FieldType>(fields)
          .filter(([name, type]) => !fits(record[name], type))
          .map(([name, type]) => ({ message: `expected ${type}`, path: [name] }));
        return issues.length > 0 ? { issues } : { value: value as T };
      },
    },
  };
}

/** What a field may be. */
export type FieldType = 'string' | 'number' | 'boolean' | 'string or null';

function fits(value: unknown, type: FieldType): boolean {
  return type === 'string or null'
    ? value === null || typeof value === 'string'
    : typeof value === type;
}
