import { terminateHolder } from '../ledger/lock-holder.js';
import type { Store } from '../ledger/store.js';
import { isConnectionError, isLockTimeout } from '../sql-errors.js';

/**
 * Does something in each of several partitions, and lets no partition's trouble stop the others: it
 * is logged, and a session that keeps a partition locked is ended. Only a store that is away stops
 * all. Gives the partitions that failed.
 */
export async function inEach<T extends { readonly partition: number }>(
  store: Store,
  pass: string,
  items: Iterable<T>,
  work: (item: T) => Promise<void>,
): Promise<ReadonlySet<number>> {
  const failed = new Set<number>();
  for (const item of items) {
    try {
      await work(item);
    } catch (error) {
      if (isConnectionError(error)) throw error;
      const { partition } = item;
      failed.add(partition);
      store.log.warn({ code: 'MAINTENANCE', pass, partition, error }, 'maintenance pass failed');
      if (isLockTimeout(error)) await terminateHolder(store, partition).catch(() => {});
    }
  }
  return failed;
}
