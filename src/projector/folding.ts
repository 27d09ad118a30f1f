import type { Store } from '../ledger/store.js';
import { isDataError } from '../sql-errors.js';
import { tellTrouble, type Build } from './builds.js';
import { write } from './copy-stretch.js';
import { readCheckpoints } from './feed.js';
import { JobCache } from './job-cache.js';
import { readParked } from './parked.js';
import { foldStretch, type Stretch } from './stretch.js';
import type { StretchRows } from './stretch-rows.js';
import { changesOf, type Bounds } from './write-stretch.js';

/** How many events were read, and whether every build is where it was to come. */
export interface Progress {
  readonly read: number;
  readonly isThere: boolean;
}

/**
 * Brings builds forward, one stretch of a partition after another. Builds that stand at the same
 * position read its events together; one that is behind goes on alone until it has met the others.
 */
export class Folding {
  readonly #store: Store;
  readonly #caches = new Map<number, JobCache>();
  readonly #lost: () => void;
  /** Builds that have met a row the database refuses, by partition: how many events to take next. */
  readonly #careful = new Map<string, number>();

  /** `lost` hears of a build that is not ours to write any more. */
  constructor(store: Store, lost: () => void) {
    this.#store = store;
    this.#lost = lost;
  }

  /**
   * At most one stretch of each partition, of at most so many events, up to these positions. While one
   * is being written the next is folded already.
   */
  async round(
    builds: readonly Build[],
    positions: ReadonlyMap<number, number>,
    most: number,
  ): Promise<Progress> {
    if (builds.length === 0) return { read: 0, isThere: true };
    const ids = builds.map(({ id }) => id);
    const checkpoints = await readCheckpoints(this.#store, ids);
    const parked = await readParked(this.#store, ids);
    let read = 0;
    let isThere = true;
    let writing: Promise<void> = Promise.resolve();
    try {
      for (const [partition, upTo] of positions) {
        const at = (build: Build) => checkpoints.get(build.id)?.get(partition) ?? 0;
        const from = Math.min(...builds.map(at));
        if (from >= upTo) continue;
        const group = builds.filter((build) => at(build) === from);
        const next = Math.min(...builds.map(at).filter((position) => position > from));
        const to = Math.min(upTo, next, from + this.#most(group, partition, most));
        const stretch = await this.#fold(group, parked, { partition, from, to });
        await writing;
        await this.#write(stretch, isShared);
        writing = this.#write(stretch, (build) => !isShared(build));
        writing.catch(() => {});
        read += stretch.bounds.to - from;
        isThere &&= stretch.bounds.to >= upTo && group.length === builds.length;
      }
    } finally {
      await writing;
    }
    return { read, isThere };
  }

  #most(group: readonly Build[], partition: number, most: number): number {
    const careful = group.map(({ id }) => this.#careful.get(`${id}/${partition}`) ?? most);
    return Math.min(most, ...careful);
  }

  async #fold(
    group: readonly Build[],
    parked: ReadonlyMap<number, ReadonlySet<string>>,
    bounds: Bounds,
  ): Promise<Stretch> {
    const { partition, from } = bounds;
    const known = this.#caches.get(partition);
    this.#caches.delete(partition);
    const cache = known?.position === from ? known : new JobCache(this.#store, partition, from);
    const stretch = await foldStretch(this.#store, group, parked, cache, bounds);
    cache.trim();
    this.#caches.set(partition, cache);
    return stretch;
  }

  async #write(
    { bounds, rows, stopped }: Stretch,
    which: (build: Build) => boolean,
  ): Promise<void> {
    for (const [build, one] of rows)
      if (which(build)) await this.#finish(build, bounds, one, stopped);
  }

  async #finish(
    build: Build,
    bounds: Bounds,
    rows: StretchRows,
    stopped: string | undefined,
  ): Promise<void> {
    const { partition, from, to } = bounds;
    const key = `${build.id}/${partition}`;
    if (to > from) {
      try {
        if (!(await write(this.#store, build, bounds, changesOf(rows)))) this.#lost();
        const careful = this.#careful.get(key);
        if (careful !== undefined) this.#relax(key, careful * 2);
      } catch (error) {
        if (!isDataError(error)) throw error;
        await this.#takeLess(build, bounds, rows, error);
      }
    }
    if (stopped !== undefined) await this.#stop(build, stopped);
    else if (build.trouble !== null) await tellTrouble(this.#store, build, null);
  }

  #relax(key: string, careful: number): void {
    if (careful > 1_000) this.#careful.delete(key);
    else this.#careful.set(key, careful);
  }

  /** The database refuses a row: half the events next time, until the one at fault is alone. */
  async #takeLess(build: Build, bounds: Bounds, rows: StretchRows, error: unknown): Promise<void> {
    const { partition, from, to } = bounds;
    if (to - from > 1) {
      this.#careful.set(`${build.id}/${partition}`, Math.floor((to - from) / 2));
      return;
    }
    const parking = rows.lastParking(error);
    await write(this.#store, build, bounds, {
      fresh: [],
      changed: [],
      gone: [],
      parkings: [parking],
    });
  }

  async #stop(build: Build, reason: string): Promise<void> {
    if (!(await tellTrouble(this.#store, build, reason))) return;
    const { name, version } = build.projection;
    this.#store.log.error(
      { code: 'PROJECTION_STOPPED', projection: name, version, reason },
      'projection stopped',
    );
  }
}

/** Whether jobs of several partitions have rows in common: then the next stretch has to find them. */
function isShared({ projection }: Build): boolean {
  return projection.job === undefined;
}
