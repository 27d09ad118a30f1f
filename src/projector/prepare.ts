import type pg from 'pg';
import type { Projection } from '../api-projector.js';
import { lockPartition, type Store } from '../ledger/store.js';
import { prepareBuild } from './projection-tables.js';

/** Beyond the numbers of partitions. */
const PREPARING = 1_000;

/** Makes what these projections lack. Several processes may do so at once. */
export async function prepareBuilds(
  store: Store,
  projections: readonly Projection[],
): Promise<void> {
  await whilePreparing(store, async (client) => {
    for (const projection of projections) await prepareBuild(store, client, projection);
  });
}

/** One maker of builds at a time, in one transaction. */
export async function whilePreparing<T>(
  store: Store,
  make: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  const client = await store.database.pool.connect();
  try {
    await client.query('begin');
    const { text, values } = lockPartition(store, PREPARING);
    await client.query(text, values);
    const made = await make(client);
    await client.query('commit');
    return made;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}
