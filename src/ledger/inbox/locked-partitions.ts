import { transact } from '../../database.js';
import { isLockTimeout } from '../../sql-errors.js';
import { lockPartition, type Store } from '../store.js';

const PROBE = '100ms';

/**
 * The partitions that a mover found locked by a stranger. Work for them is left out until a short
 * wait gets their lock, so that a stranger costs one lock time-out and then almost nothing.
 */
export class LockedPartitions {
  readonly #store: Store;
  readonly #locked = new Set<number>();

  constructor(store: Store) {
    this.#store = store;
  }

  has(partition: number): boolean {
    return this.#locked.has(partition);
  }

  /** Does the work unless the partition is known to be locked, or turns out to be. */
  async unlessLocked(partition: number, work: () => Promise<void>): Promise<void> {
    if (this.#locked.has(partition)) return;
    try {
      await work();
    } catch (error) {
      if (!isLockTimeout(error)) throw error;
      this.#locked.add(partition);
    }
  }

  /** Looks which are free by now. */
  async findFree(): Promise<void> {
    for (const partition of this.#locked) {
      const patience = { text: `select set_config('lock_timeout', $1, true)`, values: [PROBE] };
      try {
        await transact(this.#store.database, [patience, lockPartition(this.#store, partition)]);
        this.#locked.delete(partition);
      } catch (error) {
        if (!isLockTimeout(error)) throw error;
      }
    }
  }
}
