import type { EpochStart } from '../api-kafka.js';
import { iso, type Store } from '../ledger/store.js';

/** The epoch that the ledger is in: the first one, until a log had to be left for another. */
export async function readEpoch(store: Store): Promise<number> {
  const { rows } = await store.database.pool.query<{ epoch: number }>(
    `select epoch from ${store.tables.ledger}`,
  );
  return rows[0]!.epoch;
}

/** The position at which an epoch begins in a partition; the first one for the first epoch. */
export async function readEpochStart(
  store: Store,
  epoch: number,
  partition: number,
): Promise<number> {
  const { rows } = await store.database.pool.query<{ start: number }>({
    text: `select start from ${store.tables.epochs} where epoch = $1 and partition = $2`,
    values: [epoch, partition],
  });
  return rows[0]?.start ?? 1;
}

/** Where epochs begin, oldest first, by partition. */
export async function readEpochs(store: Store): Promise<EpochStart[]> {
  const { rows } = await store.database.pool.query<EpochStart>(
    `select epoch, partition, start, actor, reason, ${iso('begun_at')} as "begunAt"
      from ${store.tables.epochs} order by epoch, partition`,
  );
  return rows;
}
