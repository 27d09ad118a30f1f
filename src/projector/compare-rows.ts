import { isDeepStrictEqual } from 'node:util';
import type { RowDifference } from '../api-projections.js';
import type { Column, Projection, Row } from '../api-projector.js';
import { toInstant } from '../job/instant.js';

/** How a row of a table differs from the one that is wanted; undefined if it does not. */
export function differenceOf(
  { columns, key }: Projection,
  want: Row,
  is: Row | undefined,
): RowDifference | undefined {
  const id = Object.fromEntries(key.map((name) => [name, want[name]]));
  if (is === undefined) return { key: id, what: 'missing', columns: {} };
  const differing = Object.entries(columns).filter(
    ([name, column]) => !isDeepStrictEqual(plain(column, want[name]), plain(column, is[name])),
  );
  if (differing.length === 0) return undefined;
  const told = differing.map(([name]) => [name, { is: is[name], want: want[name] ?? null }]);
  return { key: id, what: 'differs', columns: Object.fromEntries(told) };
}

/** A value as it comes back from the table. */
function plain({ type }: Column, value: unknown): unknown {
  if (value === undefined || value === null) return null;
  if (type === 'timestamptz') {
    const answer = toInstant('', value);
    return 'instant' in answer ? answer.instant : value;
  }
  if (type === 'jsonb') return JSON.parse(JSON.stringify(value));
  return Object.is(value, -0) ? 0 : value;
}
