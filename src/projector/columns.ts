import type { Column, ColumnType } from '../api-projector.js';
import type { Json } from '../job/json.js';

const of = <T>(type: ColumnType): Column<T> => ({ type, nullable: false });

/**
 * Columns by what they hold.
 *
 * @example
 * const columns = { id: column.uuid, finished_at: nullable(column.timestamp) };
 */
export const column = {
  uuid: of<string>('uuid'),
  text: of<string>('text'),
  /** A whole number up to 2,147,483,647. */
  integer: of<number>('int4'),
  /** A whole number up to 2^53. */
  bigint: of<number>('int8'),
  number: of<number>('float8'),
  boolean: of<boolean>('bool'),
  timestamp: of<string>('timestamptz'),
  json: of<Json>('jsonb'),
} as const;

/** The same column, which may be null. */
export function nullable<T>(one: Column<T>): Column<T | null> {
  return { type: one.type, nullable: true };
}
