import type pg from 'pg';
import { begin, within } from '../database.js';
import type { Store } from '../ledger/store.js';

/**
 * Does the work in one transaction, outside of the hot path. Rolls back if it throws, or if `keep`
 * says of what it gives that it is not to be kept.
 */
export function inTransaction<T>(
  { database }: Store,
  work: (client: pg.ClientBase) => Promise<T>,
  keep?: (made: T) => boolean,
): Promise<T> {
  return within(database, begin(database), work, keep);
}
