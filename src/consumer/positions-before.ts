import { positionsAt } from '../ledger/as-of/positions.js';
import type { Settled } from '../ledger/as-of/instant.js';
import type { Query } from '../ledger/query/read-model.js';
import type { Store } from '../ledger/store.js';

/**
 * The last position of each partition that was recorded before a time: reading goes on with the first
 * event of that time or later. An event of before that is still on its way comes behind it, and is read.
 */
export async function positionsBefore(
  store: Store,
  query: Query,
  at: string,
): Promise<ReadonlyMap<number, number>> {
  const { rows } = await query(
    `select to_char(($1::timestamptz - interval '1 microsecond') at time zone 'UTC',
      'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as before`,
    [at],
  );
  const positions = await positionsAt(store, query, (rows[0] as { before: Settled }).before);
  return new Map(positions.entries());
}
