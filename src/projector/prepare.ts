import type pg from 'pg';
import type { Projection } from '../api-projector.js';
import { lockPartition, type Store } from '../ledger/store.js';
import { inTransaction } from './in-transaction.js';
import { prepareBuild } from './prepare-build.js';

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
export function whilePreparing<T>(
  store: Store,
  make: (client: pg.ClientBase) => Promise<T>,
): Promise<T> {
  return inTransaction(store, async (client) => {
    const { text, values } = lockPartition(store, PREPARING);
    await client.query(text, values);
    return make(client);
  });
}
