import type { Execution } from '../ledger/outcome/execution.js';
import type { Store } from '../ledger/store.js';
import { unattended } from '../ledger/query/unattended.js';
import type { NewEvent } from '../job/events.js';
import type { Attempt } from './attempt.js';
import { logEnd } from './end-log.js';
import type { Ended } from './endings.js';

/** Tells of what this worker has committed: a log line and a span per ended attempt, and its transitions. */
export class Report {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  started(attempts: readonly Attempt[]): void {
    const { transitions } = this.#store;
    if (!transitions.isHeard) return;
    for (const { row, claim } of attempts) {
      const { attempt } = row;
      const data = { attempt, worker: claim.worker, claim: claim.claim };
      const event = { type: 'AttemptStarted', data } as const;
      transitions.started({ ...jobOf({ row, claim }), ...BEGIN, event }, attempt);
    }
  }

  ended({ attempt, event: { type, data }, to }: Ended): void {
    const { job_id: jobId, kind, max_attempts: maxAttempts, counted } = attempt.row;
    const { span } = attempt;
    span?.ended({ type, data } as NewEvent);
    const job = { jobId, kind, attempt: attempt.row.attempt, counted, maxAttempts, span };
    logEnd(this.#store.log, job, { type, data }, to);
    const { transitions } = this.#store;
    if (!transitions.isHeard) return;
    const transition = { ...jobOf(attempt), from: 'running', to, event: { type, data } } as const;
    transitions.ended(transition, job.attempt);
  }

  /** An end that was recorded otherwise; without an execution nothing is known of it. */
  resolved({ span }: Attempt, execution?: Execution): void {
    if (execution === undefined || !('events' in execution)) return;
    this.executed([execution]);
    for (const event of execution.events) span?.ended(event);
  }

  /** What maintenance decided for lost and canceled attempts. */
  executed(executions: readonly Execution[]): void {
    for (const execution of executions) {
      if (!('events' in execution)) continue;
      const { before, after, events } = execution;
      if (before.state !== 'running' || after.state === 'running') continue;
      const { id: jobId, kind, attempt, counted, maxAttempts } = after;
      const ended = { jobId, kind, attempt, counted, maxAttempts };
      for (const event of events) logEnd(this.#store.log, ended, event, after.state);
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
}

const BEGIN = { from: 'available', to: 'running' } as const;

function jobOf({ row, claim }: Pick<Attempt, 'row' | 'claim'>): {
  readonly jobId: string;
  readonly kind: string;
  readonly queue: string;
} {
  return { jobId: row.job_id, kind: row.kind, queue: claim.queue };
}
