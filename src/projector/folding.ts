import type { Store } from '../ledger/store.js';
import { sqlState } from '../sql-errors.js';
import { tellTrouble, type Build } from './builds.js';
import { write } from './copy-stretch.js';
import { readCheckpoints } from './feed.js';
import { JobCaches } from './job-caches.js';
import { readParked } from './parked.js';
import { isRowRefused } from './row-fault.js';
import { foldStretch, type Stretch } from './stretch.js';
import type { StretchRows } from './stretch-rows.js';
import { changesOf, type Bounds } from './write-stretch.js';

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
  readonly #lost: () => void;
  /** Builds that have met a row the database refuses, by partition: how many events to take next. */
  readonly #careful = new Map<string, number>();

  /** `lost` hears of a build that is not ours to write any more. */
  constructor(store: Store, lost: () => void) {
    this.#store = store;
    this.#caches = new JobCaches(store);
    this.#lost = lost;
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
          const to = Math.min(upTo, next, from + this.#most(group, partition, most));
          const stretch = await this.#fold(group, parked, { partition, from, to });
          await writing;
          await this.#write(stretch, isShared, behind);
          writing = this.#write(stretch, (build) => !isShared(build), behind);
          writing.catch(() => {});
          read += stretch.bounds.to - from;
          if (stretch.bounds.to < upTo) for (const { id } of group) behind.add(id);
        }
        for (const build of builds)
          if (at(build) < upTo && !starts.includes(at(build))) behind.add(build.id);
      }
    } finally {
      await writing;
    }
    return { read, behind };
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
    const cache = this.#caches.take(bounds.partition, bounds.from);
    try {
      const stretch = await foldStretch(this.#store, group, parked, cache, bounds);
      this.#caches.keep(bounds.partition, cache);
      return stretch;
    } catch (error) {
      if (isGone(error)) this.#lost();
      throw error;
    }
  }

  /** Those that could not be written are behind. */
  async #write(
    { bounds, rows, stopped }: Stretch,
    which: (build: Build) => boolean,
    behind: Set<number>,
  ): Promise<void> {
    for (const [build, one] of rows)
      if (which(build) && !(await this.#finish(build, bounds, one, stopped))) behind.add(build.id);
  }

  async #finish(
    build: Build,
    bounds: Bounds,
    rows: StretchRows,
    stopped: string | undefined,
  ): Promise<boolean> {
    const written = bounds.to === bounds.from || (await this.#tryWrite(build, bounds, rows));
    if (stopped !== undefined) await this.#stop(build, stopped);
    else if (build.trouble !== null) await tellTrouble(this.#store, build, null);
    return written;
  }

  async #tryWrite(build: Build, bounds: Bounds, rows: StretchRows): Promise<boolean> {
    try {
      const written = await write(this.#store, build, bounds, changesOf(rows));
      if (written) this.#relax(`${build.id}/${bounds.partition}`);
      else this.#lost();
      return written;
    } catch (error) {
      if (isGone(error)) {
        this.#lost();
        return false;
      }
      if (!isRowRefused(error)) throw error;
      return this.#takeLess(build, bounds, rows, error);
    }
  }

  #relax(key: string): void {
    const careful = this.#careful.get(key);
    if (careful === undefined) return;
    if (careful > 500) this.#careful.delete(key);
    else this.#careful.set(key, careful * 2);
  }

  /** A row is refused: half the events next time, until the one at fault is alone. */
  async #takeLess(
    build: Build,
    bounds: Bounds,
    rows: StretchRows,
    error: unknown,
  ): Promise<boolean> {
    const { partition, from, to } = bounds;
    if (to - from > 1) {
      this.#careful.set(`${build.id}/${partition}`, Math.floor((to - from) / 2));
      return false;
    }
    const parkings = [rows.lastParking(error)];
    return write(this.#store, build, bounds, { fresh: [], changed: [], gone: [], parkings });
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

/** Somebody has dropped the table. */
function isGone(error: unknown): boolean {
  return sqlState(error) === '42P01';
}
