import { setTimeout as pause } from 'node:timers/promises';
import type {
  LedgerProjections,
  ParkedJob,
  ProjectionStatus,
  ProjectionVerification,
} from '../api-projections.js';
import type { Projection } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import { resolveId } from '../ledger/read.js';
import type { Store } from '../ledger/store.js';
import { wake } from '../ledger/wake.js';
import { dropSuperseded } from './drop-build.js';
import { dropProjection, dropVersion, setPaused, unwant, want } from './operate.js';
import { Projector } from './projector.js';
import { Rate } from './rate.js';
import { wantRebuild } from './rebuild.js';
import { readParkedJobs, readStatus } from './status.js';
import { readAsked, readStillParked, requestUnpark } from './unpark.js';
import { readViewRows } from './view-rows.js';
import { verifyProjection } from './verify-projection.js';

/** Between looks at how something goes on, in milliseconds. */
const LOOK_MS = 100;
/** How long a version may take to catch up before it is served again, in milliseconds. */
const CATCH_UP_MS = 30_000;

/**
 * The read models of a ledger, for who looks after them. What needs folding is done by a projector of
 * this process for as long as it takes, unless another one has the build already.
 */
export class ReadModels implements LedgerProjections {
  readonly #store: Store;
  readonly #projections: readonly Projection[];
  readonly #isClosing: () => boolean;

  /** `isClosing` tells whether what takes long is to end behind the stretch in hand. */
  constructor(store: Store, projections: readonly Projection[], isClosing: () => boolean) {
    this.#store = store;
    this.#projections = projections;
    this.#isClosing = isClosing;
  }

  async status(name?: string): Promise<readonly ProjectionStatus[]> {
    const found = await readStatus(this.#store, name);
    if (name !== undefined && found.length === 0) throw missing(name);
    return found;
  }

  async rebuild(
    name: string,
    { onProgress, signal }: Parameters<LedgerProjections['rebuild']>[1] = {},
  ): Promise<ProjectionStatus> {
    const projection = this.#codeOf(name).at(-1)!;
    const build = await wantRebuild(this.#store, projection);
    this.#wake();
    const rate = new Rate();
    const served = await this.#while([projection], Infinity, signal, async () => {
      const status = await this.#statusOf(name, build);
      onProgress?.(rate.tell(status));
      if (status.paused) throw notCaughtUp(name, 'it is paused');
      if (status.trouble !== null) throw notCaughtUp(name, status.trouble);
      return status.state === 'live' ? status : undefined;
    });
    await dropSuperseded(this.#store, [name]);
    return served;
  }

  async rollback(
    name: string,
    options: Parameters<LedgerProjections['rollback']>[1] = {},
  ): Promise<ProjectionStatus> {
    const { live, next } = await want(this.#store, name, options);
    this.#wake();
    if (options.stale === true) return this.#statusOf(name, next.id);
    const code = this.#projections.filter((one) => one.name === name);
    let seen: ProjectionStatus | undefined;
    try {
      return await this.#while(code, CATCH_UP_MS, undefined, async () => {
        seen = await this.#statusOf(name, next.id);
        return seen.state === 'live' ? seen : undefined;
      });
    } catch (error) {
      await unwant(this.#store, live, next);
      const behind = seen === undefined ? 'behind' : `${seen.lagEvents} events behind`;
      const why = `version ${next.version} is ${behind}, and nobody with its code has caught it up`;
      throw notCaughtUp(name, `${why}; give its code, or serve it as it is`, error);
    }
  }

  async pause(name: string): Promise<void> {
    await setPaused(this.#store, name, true);
    this.#wake();
  }

  async resume(name: string): Promise<void> {
    await setPaused(this.#store, name, false);
    this.#wake();
  }

  drop(name: string, version?: number): Promise<void> {
    if (version === undefined) return dropProjection(this.#store, name);
    return dropVersion(this.#store, name, version);
  }

  async parked(name?: string): Promise<readonly ParkedJob[]> {
    if (name !== undefined) await this.status(name);
    return readParkedJobs(this.#store, name);
  }

  async unpark(
    name: string,
    jobId?: string,
  ): Promise<{ readonly unparked: number; readonly parked: readonly ParkedJob[] }> {
    const id = jobId === undefined ? undefined : await resolveId(this.#store, jobId);
    if (jobId !== undefined && id === undefined)
      throw new LedgerError('JOB_NOT_FOUND', `there is no job ${jobId}`);
    await this.status(name);
    const asked = await requestUnpark(this.#store, name, id);
    const code = this.#projections.filter((one) => one.name === name);
    await this.#while(code, CATCH_UP_MS, undefined, async () =>
      (await readAsked(this.#store, asked)).length > 0 ? undefined : true,
    );
    const still = await readStillParked(this.#store, asked);
    const ids = new Set(still.map(({ build, job_id: job }) => `${build}/${job}`));
    const parked = (await this.parked(name)).filter((one) => ids.has(`${one.build}/${one.jobId}`));
    return { unparked: asked.length - still.length, parked };
  }

  rows(name: string, { limit }: { readonly limit?: number } = {}) {
    return readViewRows(this.#store, name, limit);
  }

  async verify(name?: string): Promise<readonly ProjectionVerification[]> {
    const status = await this.status(name);
    const answers: ProjectionVerification[] = [];
    for (const one of status.filter(({ state }) => state === 'live')) {
      const isMeant = (code: Projection) => code.name === one.name && code.version === one.version;
      const code = this.#projections.find(isMeant);
      if (code === undefined && name !== undefined) throw missing(one.name, one.version);
      if (code === undefined) continue;
      answers.push(await verifyProjection(this.#store, code, one.build));
    }
    if (answers.length === 0 && name !== undefined) throw missing(name);
    return answers;
  }

  /** Projectors look by themselves only every few seconds. */
  #wake(): void {
    wake(this.#store, { what: 'projections' });
  }

  /** The versions of a projection that there is code for, oldest first. */
  #codeOf(name: string): readonly Projection[] {
    const code = this.#projections.filter((one) => one.name === name);
    if (code.length === 0) throw missing(name, undefined, this.#projections);
    return code.sort((one, other) => one.version - other.version);
  }

  async #statusOf(name: string, build: number): Promise<ProjectionStatus> {
    const status = (await this.status(name)).find((one) => one.build === build);
    if (status === undefined) throw missing(name);
    return status;
  }

  /** Looks again and again until there is an answer, while a projector of our own does what it can. */
  async #while<T>(
    code: readonly Projection[],
    timeoutMs: number,
    signal: AbortSignal | undefined,
    look: () => Promise<T | undefined>,
  ): Promise<T> {
    const projector =
      code.length === 0 ? undefined : new Projector(this.#store, code, { makes: false });
    await projector?.start();
    try {
      for (const until = performance.now() + timeoutMs; ;) {
        const answer = await look();
        if (answer !== undefined) return answer;
        signal?.throwIfAborted();
        if (this.#isClosing()) throw new LedgerError('LEDGER_CLOSED', 'the ledger is closed');
        if (performance.now() > until) throw new LedgerError('NOT_CAUGHT_UP', nobody(timeoutMs));
        await pause(LOOK_MS);
      }
    } finally {
      await projector?.stop();
    }
  }
}

function nobody(timeoutMs: number): string {
  return `nobody with its code has done it within ${timeoutMs} ms; is a projector running?`;
}

function notCaughtUp(name: string, why: string, cause?: unknown): LedgerError {
  return new LedgerError('NOT_CAUGHT_UP', `projection ${name}: ${why}`, { cause });
}

function missing(name: string, version?: number, known?: readonly Projection[]): LedgerError {
  const what = version === undefined ? name : `${name} ${version}`;
  const names = [...new Set(known?.map((one) => one.name))].join(', ');
  const rest = known === undefined ? '' : `; this program has ${names === '' ? 'none' : names}`;
  return new LedgerError('PROJECTION_NOT_FOUND', `there is no projection ${what}${rest}`);
}
