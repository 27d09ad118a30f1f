import type { Transition } from '../api-worker.js';
import type { NewEvent } from '../job/events.js';
import type { StateName } from '../job/state.js';
import type { Execution } from '../ledger/execute.js';
import type { Store } from '../ledger/store.js';
import { unattended } from '../ledger/unattended.js';
import type { Attempt } from './attempt.js';
import { logEnd } from './end-log.js';
import type { Decided } from './endings.js';
import type { WorkerSettings } from './options.js';

/**
 * Tells of what has been committed: a log line per ended attempt, and `onTransition`. Nothing here
 * can harm a job: a listener that throws is logged and forgotten.
 */
export class Report {
  readonly #store: Store;
  readonly #settings: WorkerSettings;

  constructor(store: Store, settings: WorkerSettings) {
    this.#store = store;
    this.#settings = settings;
  }

  started(attempts: readonly Attempt[]): void {
    if (this.#settings.onTransition === undefined) return;
    for (const { row, claim } of attempts) {
      const data = { attempt: row.attempt, worker: claim.worker, claim: claim.claim };
      this.#tell(jobOf({ row, claim }), 'available', 'running', { type: 'AttemptStarted', data });
    }
  }

  ended({ attempt, event, to }: Decided): void {
    const { job_id: jobId, kind, max_attempts: maxAttempts, counted } = attempt.row;
    const job = { jobId, kind, attempt: attempt.row.attempt, counted, maxAttempts };
    logEnd(this.#store.log, job, event, to);
    if (this.#settings.onTransition !== undefined) this.#tell(jobOf(attempt), 'running', to, event);
  }

  /** What maintenance decided for lost and canceled attempts. */
  executed(executions: readonly Execution[]): void {
    for (const execution of executions) {
      if (!('events' in execution)) continue;
      const { before, after, events } = execution;
      const job = { jobId: after.id, kind: after.kind, queue: after.queue };
      for (const event of events) {
        if (before.state === 'running' && after.state !== 'running') {
          const { id: jobId, kind, attempt, counted, maxAttempts } = after;
          const ended = { jobId, kind, attempt, counted, maxAttempts };
          logEnd(this.#store.log, ended, event, after.state);
        }
        this.#tell(job, before.state, after.state, event);
      }
    }
  }

  /** Names at start-up what waits and what nobody works on. */
  async unattended(): Promise<void> {
    try {
      for (const one of await unattended(this.#store)) {
        this.#store.log.warn({ code: 'UNATTENDED', ...one }, 'jobs wait that no live worker has');
      }
    } catch {
      // Only advice; `stats` tells the same.
    }
  }

  #tell(
    job: Pick<Transition, 'jobId' | 'kind' | 'queue'>,
    from: StateName,
    to: StateName,
    event: Pick<NewEvent, 'type' | 'data'>,
  ): void {
    const { onTransition } = this.#settings;
    if (onTransition === undefined || (from === to && event.type !== 'AttemptStarted')) return;
    const transition: Transition = {
      ...job,
      from,
      to,
      event: { type: event.type, data: event.data },
    };
    try {
      // A listener that is an async function must not end the process with its rejection.
      void Promise.resolve(onTransition(transition)).catch((error: unknown) =>
        this.#listenerFailed(error),
      );
    } catch (error) {
      this.#listenerFailed(error);
    }
  }

  #listenerFailed(error: unknown): void {
    this.#store.log.warn({ code: 'LISTENER', error }, 'onTransition threw');
  }
}

function jobOf({ row, claim }: Pick<Attempt, 'row' | 'claim'>): {
  readonly jobId: string;
  readonly kind: string;
  readonly queue: string;
} {
  return { jobId: row.job_id, kind: row.kind, queue: claim.queue };
}
