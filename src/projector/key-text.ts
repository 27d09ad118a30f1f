import type { ColumnType, Projection, Row } from '../api-projector.js';
import { toInstant } from '../job/instant.js';

/** A key as text, the same for what the table takes for the same key. */
export function keyText({ key, columns }: Projection, row: Row): string {
  if (key.length === 1) return part(columns[key[0]!]!.type, row[key[0]!]);
  let text = '';
  for (const name of key) {
    const one = part(columns[name]!.type, row[name]);
    // With their lengths, so that no two keys run into one text.
    text += `${one.length}:${one}`;
  }
  return text;
}

function part(type: ColumnType, value: unknown): string {
  switch (type) {
    case 'uuid':
      return String(value).toLowerCase();
    case 'timestamptz':
      return instant(value);
    case 'int4':
    case 'int8':
    case 'float8':
      return String(Number(value));
    case 'jsonb':
      return JSON.stringify(value) ?? 'null';
    case 'text':
    case 'bool':
      return String(value);
  }
}

function instant(value: unknown): string {
  if (typeof value === 'string' && value.length === 27 && value.endsWith('Z')) return value;
  const answer = toInstant('', value);
  return 'instant' in answer ? answer.instant : String(value);
}
