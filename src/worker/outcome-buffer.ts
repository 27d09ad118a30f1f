import { setTimeout as pause } from 'node:timers/promises';
import type { Execution } from '../ledger/outcome/execution.js';
import { terminateHolder } from '../ledger/lock-holder.js';
import type { Store } from '../ledger/store.js';
import {
  isConnectionError,
  isDataError,
  isLockTimeout,
  isRetryableConflict,
} from '../sql-errors.js';
import type { Attempt } from './attempt.js';
import { decideEnding, type Ended } from './endings.js';
import { settleByStream, type Late } from './late-outcome.js';
import { isUnstorable, unstorable } from './failure.js';
import { recordEndings } from './record-endings.js';

const FLUSH_OUTCOMES = 1_000;
const LANES = 4;

/** Told of each attempt whose end is in the ledger, and of each whose end the ledger refused. */
export interface OutcomeListener {
  recorded(ended: Ended): void;
  /** Its end was recorded otherwise: rejected or canceled; without an execution nothing is to be told. */
  resolved(attempt: Attempt, execution?: Execution): void;
}

/**
 * Brings outcomes to the ledger: what arrives while a flush is in flight goes with the next one, by
 * partition, the fullest first. An outcome stays here until the ledger has answered for it: lost
 * connections are retried for as long as it takes, so that none is lost; the lease makes sure that
 * none counts twice.
 */
export class OutcomeBuffer {
  readonly #store: Store;
  readonly #listener: OutcomeListener;
  readonly #waiting = new Map<string, Attempt[]>();
  #inFlight = new Set<string>();
  #scheduled = false;
  #idle: (() => void)[] = [];
  #givenUp = false;

  constructor(store: Store, listener: OutcomeListener) {
    this.#store = store;
    this.#listener = listener;
  }

  add(attempt: Attempt): void {
    const { flushKey } = attempt.claim;
    const waiting = this.#waiting.get(flushKey);
    if (waiting === undefined) this.#waiting.set(flushKey, [attempt]);
    else waiting.push(attempt);
    this.#schedule();
  }

  /** Settles when every outcome has been answered for, or after `giveUp`. */
  async drain(): Promise<void> {
    while (!this.#givenUp && (this.#waiting.size > 0 || this.#inFlight.size > 0)) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  /** Stops trying: what has not been recorded is decided by the reaper, and nobody waits for it. */
  giveUp(): void {
    this.#givenUp = true;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** After the handlers that ended in this turn of the loop have all been added. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#inFlight.size < LANES) {
      const key = this.#fullest();
      if (key === undefined) return;
      const waiting = this.#waiting.get(key)!;
      const batch = waiting.splice(0, FLUSH_OUTCOMES);
      if (waiting.length === 0) this.#waiting.delete(key);
      this.#inFlight.add(key);
      void this.#flush(batch).finally(() => {
        this.#inFlight.delete(key);
        for (const resolve of this.#idle.splice(0)) resolve();
        this.#pump();
      });
    }
  }

  #fullest(): string | undefined {
    let best: string | undefined;
    let most = 0;
    for (const [key, waiting] of this.#waiting) {
      if (waiting.length > most && !this.#inFlight.has(key)) [best, most] = [key, waiting.length];
    }
    return best;
  }

  /** Those with a cancel request are decided by the stream, which knows who asked and why. */
  async #flush(batch: readonly Attempt[]): Promise<void> {
    const byHand = (attempt: Attempt) =>
      attempt.cancelSeen && attempt.outcome!.type !== 'SucceedAttempt';
    const careful = batch.filter(byHand);
    const plain = careful.length === 0 ? batch : batch.filter((one) => !byHand(one));
    if (plain.length > 0) await this.#finish(plain);
    for (const attempt of careful) await this.#settle(attempt, true);
  }

  async #finish(attempts: readonly Attempt[]): Promise<void> {
    const [first] = attempts;
    const { partition, worker } = first!.claim;
    const decided = attempts.map(decideEnding);
    let lockouts = 0;
    for (let pauseMs = 20; !this.#givenUp; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      try {
        const { missed, alive } = await recordEndings(this.#store, partition, worker, decided);
        for (const one of decided) if (!missed.has(one)) this.#listener.recorded(one);
        for (const { attempt } of missed) await this.#settle(attempt, alive);
        return;
      } catch (error) {
        if (isDataError(error)) return this.#halve(attempts, error as Error);
        const again =
          isConnectionError(error) || isLockTimeout(error) || isRetryableConflict(error);
        if (isPoolEnded(error)) this.giveUp();
        else if (!again)
          this.#store.log.error({ error }, 'outcomes could not be recorded; trying again');
        for (const attempt of attempts) attempt.sentBefore = true;
        if (isLockTimeout(error) && ++lockouts > 2) {
          await terminateHolder(this.#store, partition).catch(() => {});
        }
        await pause(pauseMs);
      }
    }
    for (const attempt of attempts) attempt.answered();
  }

  /** One bad outcome never fails its batch: it is found by halving, and recorded as unstorable. */
  async #halve(attempts: readonly Attempt[], error: Error): Promise<void> {
    if (attempts.length === 1) {
      const [attempt] = attempts;
      return this.#mend(attempt!, error) ? this.#finish([attempt!]) : undefined;
    }
    const middle = Math.ceil(attempts.length / 2);
    await this.#finish(attempts.slice(0, middle));
    await this.#finish(attempts.slice(middle));
  }

  async #settle(attempt: Attempt, alive: boolean): Promise<void> {
    for (let pauseMs = 20; !this.#givenUp; pauseMs = Math.min(pauseMs * 2, 1_000)) {
      try {
        return this.#answered(attempt, await settleByStream(this.#store, attempt, alive));
      } catch (error) {
        if (isDataError(error)) {
          if (!this.#mend(attempt, error as Error)) return;
        } else if (!isConnectionError(error) && !isLockTimeout(error)) {
          return this.#drop(attempt, error);
        }
        attempt.sentBefore = true;
        await pause(pauseMs);
      }
    }
    attempt.answered();
  }

  /** Only the acknowledgement was late if what stands in the ledger is what was sent. */
  #answered(attempt: Attempt, late: Late): void {
    if (!('recorded' in late)) return this.#listener.resolved(attempt, late.execution);
    const { recorded } = late;
    const decided = decideEnding(attempt);
    if (decided.event.type === recorded.type) this.#listener.recorded(decided);
    else if (recorded.type === 'JobCanceled')
      this.#listener.recorded({ attempt, event: recorded, to: 'canceled' });
    else this.#listener.resolved(attempt);
  }

  /** Makes a refused outcome one that can be stored; false if even the plainest was refused. */
  #mend(attempt: Attempt, error: Error): boolean {
    const outcome = mended(attempt, error);
    if (outcome === undefined) this.#drop(attempt, error);
    else attempt.outcome = outcome;
    return outcome !== undefined;
  }

  /** Its lease stays, and the next heartbeat gives it back. */
  #drop(attempt: Attempt, error: unknown): void {
    const { jobId, row } = attempt;
    const fields = { code: 'OUTCOME_LOST', error, jobId, kind: row.kind, attempt: row.attempt };
    this.#store.log.error(fields, 'an outcome could not be recorded');
    this.#listener.resolved(attempt);
  }
}

const UNSTORABLE_RESULT = 'result: Postgres cannot store it';

/** A success keeps its success and loses its result; an error loses its text. */
function mended(attempt: Attempt, error: Error): Attempt['outcome'] {
  const outcome = attempt.outcome!;
  if (isUnstorable(outcome)) return undefined;
  if (outcome.type === 'SucceedAttempt' && outcome.resultOmitted !== UNSTORABLE_RESULT) {
    const { result: _, ...rest } = outcome;
    return { ...rest, resultOmitted: UNSTORABLE_RESULT };
  }
  return unstorable(attempt, error.message);
}

/** The ledger was closed while a handler ran on: nobody will ever answer. */
function isPoolEnded(error: unknown): boolean {
  return error instanceof Error && /after calling end on the pool/.test(error.message);
}
