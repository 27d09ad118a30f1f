import type { Column, ColumnType, Columns, Row } from '../api-projector.js';
import { copyText } from '../ledger/copy-text.js';
import { quote } from '../ledger/tables.js';
import { iso } from '../ledger/store.js';
import { RowFault } from './row-fault.js';

/** A row's value as a parameter. Throws `RowFault` for what no parameter can be. */
export function valueOf(name: string, { type }: Column, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (type === 'jsonb') return jsonOf(name, value);
  if (typeof value === WRITTEN[type]) return value;
  throw new RowFault(`column ${name}: expected ${type}, got a value of type ${typeof value}`);
}

/**
 * What a column gives when it is read back. Something else would be one thing to the next event of a
 * stretch and another thing to the first one of the next stretch.
 */
const WRITTEN = {
  ...{ uuid: 'string', text: 'string', timestamptz: 'string' },
  ...{ int4: 'number', int8: 'number', float8: 'number', bool: 'boolean' },
} as const satisfies Readonly<Record<Exclude<ColumnType, 'jsonb'>, string>>;

function jsonOf(name: string, value: unknown): string | null {
  try {
    return JSON.stringify(value) ?? null;
  } catch (error) {
    throw new RowFault(`column ${name}: not JSON: ${(error as Error).message}`);
  }
}

/** A row as a line of COPY's text format. */
export function copyLine(columns: readonly (readonly [string, Column])[], row: Row): string {
  let line = '';
  for (const [name, column] of columns) {
    const value = valueOf(name, column, row[name]);
    if (line !== '') line += '\t';
    line += value === null ? '\\N' : copyText(String(value));
  }
  return `${line}\n`;
}

/** Parameters from this one on, an array for each column, as a table. */
export function unnest(columns: Columns, first: number, alias: string): string {
  const arrays = Object.values(columns).map(({ type }, index) => `$${first + index}::${type}[]`);
  return `unnest(${arrays.join(', ')}) ${alias}(${Object.keys(columns).map(quote).join(', ')})`;
}

/** The parameters of `unnest`. */
export function arraysOf(columns: Columns, rows: readonly Row[]): unknown[][] {
  return Object.entries(columns).map(([name, column]) =>
    rows.map((row) => valueOf(name, column, row[name])),
  );
}

/** Some of the columns. */
export function pick(columns: Columns, names: readonly string[]): Columns {
  return Object.fromEntries(names.map((name) => [name, columns[name]!]));
}

/** Every column as the engine reads it: times as text, since a JS Date drops microseconds. */
export function selectList(columns: Columns): string {
  return Object.entries(columns)
    .map(([name, { type }]) =>
      type === 'timestamptz' ? `${iso(quote(name))} as ${quote(name)}` : quote(name),
    )
    .join(', ');
}
