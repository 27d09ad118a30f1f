import type { Projection } from '../index.js';
import { column } from '../projector/columns.js';
import { nameOf } from './import-module.js';
import { shorten } from './text.js';

/**
 * Why this is no projection that the engine can run, field by field; none if it is one. Judged by
 * what it can do, not by its class: it may come from another copy of the package.
 */
export function projectionFaults(place: string, value: unknown): readonly string[] {
  if (typeof value !== 'object' || value === null) {
    return [`${place}: expected a projection made by defineProjection, got ${nameOf(value)}`];
  }
  const fields = value as Readonly<Record<string, unknown>>;
  const wrong = Object.entries(FIELDS).flatMap(([field, { expected, holds }]) => {
    if (holds(fields[field], fields)) return [];
    return [`${place}.${field}: expected ${expected}, got ${shown(fields[field])}`];
  });
  const columns = isObject(fields['columns']) ? Object.entries(fields['columns']) : [];
  const unknown = columns.filter(([, one]) => !isColumn(one));
  return [
    ...wrong,
    ...unknown.map(([name]) => `${place}.columns.${name}: expected a column of a type known here`),
  ];
}

interface Rule {
  readonly expected: string;
  readonly holds: (value: unknown, of: Readonly<Record<string, unknown>>) => boolean;
}

const method: Rule = {
  expected: 'a function, as defineProjection makes it',
  holds: (value) => typeof value === 'function',
};

const FIELDS: { readonly [F in keyof Projection]: Rule } = {
  name: {
    expected: 'text like failed-jobs',
    holds: (value) => typeof value === 'string' && /^[a-z][a-z0-9-]*$/.test(value),
  },
  version: {
    expected: 'a whole number from 1',
    holds: (value) => Number.isInteger(value) && (value as number) >= 1,
  },
  columns: { expected: 'an object of columns', holds: isObject },
  key: {
    expected: 'a list of names of its columns',
    holds: (value, { columns }) => namesOf(value, columns) && value.length > 0,
  },
  job: {
    expected: 'a column of its key, or nothing',
    holds: (value, { key }) => value === undefined || (Array.isArray(key) && key.includes(value)),
  },
  indexes: {
    expected: 'a list of lists of names of its columns',
    holds: (value, { columns }) =>
      Array.isArray(value) && value.every((one) => namesOf(one, columns)),
  },
  view: { expected: 'an object, as defineProjection makes it', holds: isObject },
  hears: method,
  rowsOf: method,
  fold: method,
};

function namesOf(value: unknown, columns: unknown): value is readonly unknown[] {
  if (!Array.isArray(value) || !isObject(columns)) return false;
  return value.every((one) => typeof one === 'string' && Object.hasOwn(columns, one));
}

function isColumn(value: unknown): boolean {
  const { type, nullable } = (value ?? {}) as { readonly type?: unknown; nullable?: unknown };
  return typeof nullable === 'boolean' && COLUMN_TYPES.has(type);
}

const COLUMN_TYPES: ReadonlySet<unknown> = new Set(Object.values(column).map(({ type }) => type));

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(shorten(value, 60));
  return typeof value === 'number' ? String(value) : nameOf(value);
}
