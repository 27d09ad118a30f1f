import type pg from 'pg';
import { begin } from '../database.js';
import type { Store } from '../ledger/store.js';
import { isConnectionError } from '../sql-errors.js';

/**
 * Does the work in one transaction, outside of the hot path. Rolls back if it throws, or if `keep`
 * says of what it gives that it is not to be kept.
 */
export async function inTransaction<T>(
  store: Store,
  work: (client: pg.ClientBase) => Promise<T>,
  keep: (made: T) => boolean = () => true,
): Promise<T> {
  const client = await store.database.pool.connect();
  let failure: unknown;
  try {
    await client.query(begin(store.database));
    const made = await work(client);
    await client.query(keep(made) ? 'commit' : 'rollback');
    return made;
  } catch (error) {
    failure = error;
    if (!isConnectionError(error)) await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release(isConnectionError(failure) ? (failure as Error) : undefined);
  }
}
