import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { readCheckpoints } from './feed.js';
import { FoldSpans } from './fold-spans.js';
import { JobCaches } from './job-caches.js';
import { readParked } from './parked.js';
import { foldStretch, type Bounds } from './stretch.js';
import { forward } from './write-stretch.js';
import { isShared, Writer, type Folded } from './writer.js';

/** How many events were read, and which builds are not where they were to come. */
export interface Progress {
  readonly read: number;
  readonly behind: ReadonlySet<number>;
}

/** How a round goes. */
export interface Pace {
  /** Events of a partition that a build takes at most. */
  readonly most: number;
  /** Whether only those that are furthest behind go on, until they have met the others. */
  readonly together: boolean;
}

/**
 * Brings builds forward, one stretch of a partition after another. Builds that stand at the same
 * position read its events together.
 */
export class Folding {
  readonly #store: Store;
  readonly #caches: JobCaches;
  readonly #writer: Writer;
  readonly #spans = new FoldSpans();

  /** `lost` hears of a build that is not ours to write any more. */
  constructor(store: Store, lost: () => void) {
    this.#store = store;
    this.#caches = new JobCaches(store);
    this.#writer = new Writer(store, lost);
  }

  /**
   * At most one stretch of each partition and build, up to these positions. While one is being written
   * the next is folded already.
   */
  async round(
    given: readonly Build[],
    positions: ReadonlyMap<number, number>,
    { most, together }: Pace,
  ): Promise<Progress> {
    if (given.length === 0) return { read: 0, behind: new Set() };
    const ids = given.map(({ id }) => id);
    const checkpoints = await readCheckpoints(this.#store, ids);
    const parked = await readParked(this.#store, ids);
    // Without its checkpoints nobody knows what a table holds.
    const builds = given.filter(({ id }) => checkpoints.get(id)!.size === this.#store.partitions);
    const behind = new Set(ids.filter((id) => !builds.some((build) => build.id === id)));
    let read = 0;
    let writing: Promise<void> = Promise.resolve();
    try {
      for (const [partition, upTo] of positions) {
        const at = ({ id }: Build) => checkpoints.get(id)!.get(partition)!;
        const places = [...new Set(builds.map(at))].sort((one, other) => other - one);
        const starts = places.filter((place) => place < upTo).slice(together ? -1 : 0);
        for (const from of starts) {
          const group = builds.filter((build) => at(build) === from);
          const next = Math.min(...places.filter((place) => place > from));
          const to = Math.min(upTo, next, from + this.#writer.most(group, partition, most));
          const stretch = await this.#fold(group, parked, { partition, from, to });
          await writing;
          await this.#writer.write(stretch, isShared, behind);
          writing = this.#writer.write(stretch, (build) => !isShared(build), behind);
          writing.catch(() => {});
          read += stretch.units;
          if (from + stretch.units < upTo) for (const { id } of group) behind.add(id);
        }
        for (const build of builds)
          if (at(build) < upTo && !starts.includes(at(build))) behind.add(build.id);
      }
    } finally {
      await writing;
    }
    return { read, behind };
  }

  async #fold(
    group: readonly Build[],
    parked: ReadonlyMap<number, ReadonlySet<string>>,
    bounds: Bounds,
  ): Promise<Folded> {
    const { partition, from } = bounds;
    const cache = this.#caches.take(partition, from);
    const readModels = group.map(({ projection }) => projection.name).join(', ');
    try {
      const { to, rows, stopped } = await this.#spans.around({ partition, readModels }, (observe) =>
        foldStretch(this.#store, group, parked, cache, bounds, observe),
      );
      this.#caches.keep(partition, cache);
      const move = to === from ? undefined : forward(this.#store, { partition, from, to });
      const culprit: Folded['culprit'] = (one, error) => one.lastParking(error);
      return { partition, move, units: to - from, rows, stopped, culprit };
    } catch (error) {
      this.#writer.failed(error);
      throw error;
    }
  }
}
