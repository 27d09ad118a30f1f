import type { Store } from '../ledger/store.js';
import { sqlState } from '../sql-errors.js';
import { tellTrouble, type Build } from './builds.js';
import { write } from './copy-stretch.js';
import { isRowRefused } from './row-fault.js';
import type { Parking, StretchRows } from './stretch-rows.js';
import { changesOf, type Move } from './write-stretch.js';

/** Something folded for several builds, not written yet. */
export interface Folded {
  readonly partition: number;
  /** How each checkpoint moves by it; undefined if it does not. */
  readonly move: Move | undefined;
  /** Events, or jobs where jobs are folded whole: what is halved to find a row at fault. */
  readonly units: number;
  readonly rows: ReadonlyMap<Build, StretchRows>;
  /** Why it ends before an event that this program does not know. */
  readonly stopped: string | undefined;
  /** What is parked if there is one unit and its row is refused. */
  readonly culprit: (rows: StretchRows, error: unknown) => Parking;
}

/** Writes what was folded, and finds the one at fault where the database refuses a row. */
export class Writer {
  readonly #store: Store;
  readonly #lost: () => void;
  /** Builds that have met a row the database refuses, by partition: how many units to take next. */
  readonly #careful = new Map<string, number>();

  /** `lost` hears of a build that is not ours to write any more. */
  constructor(store: Store, lost: () => void) {
    this.#store = store;
    this.#lost = lost;
  }

  /** How many units these builds may take at a time, at most. */
  most(builds: readonly Build[], partition: number, most: number): number {
    const careful = builds.map(({ id }) => this.#careful.get(`${id}/${partition}`) ?? most);
    return Math.min(most, ...careful);
  }

  /** Writes for some of the builds; those that could not be written are behind. */
  async write(folded: Folded, which: (build: Build) => boolean, behind: Set<number>) {
    for (const [build, rows] of folded.rows)
      if (which(build) && !(await this.#finish(build, folded, rows))) behind.add(build.id);
  }

  /** What failed while it was folded: the table may be gone. */
  failed(error: unknown): void {
    if (isGone(error)) this.#lost();
  }

  async #finish(build: Build, folded: Folded, rows: StretchRows): Promise<boolean> {
    const { move, stopped } = folded;
    const written = move === undefined || (await this.#tryWrite(build, folded, move, rows));
    if (stopped !== undefined) await this.#stop(build, stopped);
    else if (build.trouble !== null) await tellTrouble(this.#store, build, null);
    return written;
  }

  async #tryWrite(build: Build, folded: Folded, move: Move, rows: StretchRows): Promise<boolean> {
    try {
      const written = await write(this.#store, build, move, changesOf(rows));
      if (written) this.#relax(`${build.id}/${folded.partition}`);
      else this.#lost();
      return written;
    } catch (error) {
      if (isGone(error)) {
        this.#lost();
        return false;
      }
      if (!isRowRefused(error)) throw error;
      return this.#takeLess(build, folded, move, rows, error);
    }
  }

  #relax(key: string): void {
    const careful = this.#careful.get(key);
    if (careful === undefined) return;
    if (careful > 500) this.#careful.delete(key);
    else this.#careful.set(key, careful * 2);
  }

  /** A row is refused: half of it next time, until the one at fault is alone. */
  async #takeLess(
    build: Build,
    { partition, units, culprit }: Folded,
    move: Move,
    rows: StretchRows,
    error: unknown,
  ): Promise<boolean> {
    if (units > 1) {
      this.#careful.set(`${build.id}/${partition}`, Math.floor(units / 2));
      return false;
    }
    const parkings = [culprit(rows, error)];
    return write(this.#store, build, move, { fresh: [], changed: [], gone: [], parkings });
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

/** Whether jobs of several partitions have rows in common: then what comes next has to find them. */
export function isShared({ projection }: Build): boolean {
  return projection.job === undefined;
}

/** Somebody has dropped the table. */
function isGone(error: unknown): boolean {
  return sqlState(error) === '42P01';
}
