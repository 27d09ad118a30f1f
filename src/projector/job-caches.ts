import type { Store } from '../ledger/store.js';
import { JobCache } from './job-cache.js';

/** Places of a partition that are remembered: where most builds are, and where one is that lags. */
const MOST_PLACES = 2;

/** The jobs of each partition as of the places where its last stretches ended. */
export class JobCaches {
  readonly #store: Store;
  readonly #caches = new Map<number, readonly JobCache[]>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** The one at this place, which is then the caller's; a new one if there is none. */
  take(partition: number, position: number): JobCache {
    const caches = this.#caches.get(partition) ?? [];
    const known = caches.find((one) => one.position === position);
    this.#caches.set(
      partition,
      caches.filter((one) => one !== known),
    );
    return known ?? new JobCache(this.#store, partition, position);
  }

  keep(partition: number, cache: JobCache): void {
    cache.trim();
    const others = this.#caches.get(partition) ?? [];
    this.#caches.set(partition, [cache, ...others].slice(0, MOST_PLACES));
  }
}
