import { reasonOf } from '../ledger/inbox/set-aside.js';
import type { Store } from '../ledger/store.js';
import { isConnectionError } from '../sql-errors.js';
import { tellTrouble, type Build } from './builds.js';
import type { Folding } from './folding.js';
import { makeIndexes } from './projection-tables.js';
import { judge, swapIn } from './swap.js';

/** After a reader has kept a view, or something else has failed, in milliseconds: at first, and at most. */
const [FIRST_MS, MOST_MS] = [250, 5_000];

/** Lets builds that have caught up take the place of what is served. */
export class Serving {
  readonly #store: Store;
  readonly #rests = new Map<number, { readonly until: number; readonly ms: number }>();

  constructor(store: Store) {
    this.#store = store;
  }

  /**
   * Whether it is served now and was not before. Where nothing is served yet, only what has come to the
   * end of the log is. What fails is told and keeps no other build from it.
   */
  async serve(build: Build, folding: Folding, isThere: boolean): Promise<boolean> {
    if (performance.now() < (this.#rests.get(build.id)?.until ?? 0)) return false;
    try {
      const answer = await this.#tryServe(build, folding, isThere);
      if (answer === 'kept') this.#rest(build);
      else this.#rests.delete(build.id);
      return answer === 'swapped';
    } catch (error) {
      if (isConnectionError(error)) throw error;
      this.#rest(build);
      await this.#tell(build, reasonOf(error));
      return false;
    }
  }

  async #tryServe(build: Build, folding: Folding, isThere: boolean) {
    const verdict = await judge(this.#store, build, isThere);
    if (verdict === 'wait') return 'not-yet';
    if (verdict !== 'serve') {
      await tellTrouble(this.#store, build, verdict.refusal);
      return 'not-yet';
    }
    await makeIndexes(this.#store, this.#store.database.pool, build);
    const pace = { most: Infinity, together: true };
    return swapIn(this.#store, build, async (positions) => {
      const { behind } = await folding.round([build], positions, pace);
      return behind.size === 0;
    });
  }

  /** Readers wait behind each try. */
  #rest({ id }: Build): void {
    const ms = Math.min(MOST_MS, (this.#rests.get(id)?.ms ?? FIRST_MS / 2) * 2);
    this.#rests.set(id, { until: performance.now() + ms, ms });
  }

  async #tell(build: Build, reason: string): Promise<void> {
    if (!(await tellTrouble(this.#store, build, reason))) return;
    const { name, version } = build.projection;
    this.#store.log.error(
      { code: 'PROJECTION_STOPPED', projection: name, version, reason },
      'projection cannot be served',
    );
  }
}
