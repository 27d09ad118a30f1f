import type { ErrorRecord, FailureDecision, RecordedEvent } from '../index.js';
import type { PackageAudit } from './audit-job.js';

/** A job of the run with its whole history. */
export interface AuditedJob {
  readonly id: string;
  readonly shortId: string;
  /** The package, as people write it: `zod 4.1.0`. */
  readonly label: string;
  readonly events: readonly RecordedEvent[];
}

/** An attempt that ended with its worker. */
export interface LostAttempt {
  readonly job: AuditedJob;
  readonly attempt: number;
  readonly worker: number;
  /** From its start to the moment in which the loss was recorded. */
  readonly lostAfterMs: number;
  readonly delayMs: number | null;
  /** How the job ended in the end, and whose attempt that was. */
  readonly ending: Ending | undefined;
}

export interface Ending {
  readonly outcome: 'succeeded' | 'failed';
  readonly attempt: number;
  readonly worker: number | null;
}

/** A wait that an event decided on. */
export interface Retry {
  readonly job: AuditedJob;
  /** What it follows: the loss of an attempt with its worker, or an error. */
  readonly after: 'loss' | 'failure';
  readonly delayMs: number;
  readonly policy: string;
}

export interface Failure {
  readonly job: AuditedJob;
  readonly error: ErrorRecord;
  readonly reason: string;
}

/** What the histories of a run say. */
export interface DemoFacts {
  readonly jobs: readonly AuditedJob[];
  readonly succeeded: number;
  readonly failures: readonly Failure[];
  readonly lost: readonly LostAttempt[];
  readonly retries: readonly Retry[];
  readonly events: number;
  /** From the first event to the last. */
  readonly elapsedMs: number;
  readonly files: number;
  readonly bytes: number;
}

/** Folds the histories: nothing here was counted on the way. */
export function factsOf(jobs: readonly AuditedJob[]): DemoFacts {
  const all = jobs.flatMap((job) => job.events);
  const times = all.map((event) => Date.parse(event.recordedAt)).sort((a, b) => a - b);
  const audits = all.flatMap((event) =>
    event.type === 'AttemptSucceeded' ? [event.data.result as PackageAudit | undefined] : [],
  );
  return {
    jobs,
    succeeded: jobs.filter((job) => endingOf(job)?.outcome === 'succeeded').length,
    failures: jobs.flatMap(failuresOf),
    lost: jobs.flatMap(lossesOf),
    retries: jobs.flatMap(retriesOf),
    events: all.length,
    elapsedMs: (times.at(-1) ?? 0) - (times[0] ?? 0),
    files: audits.reduce((sum, audit) => sum + (audit?.files ?? 0), 0),
    bytes: audits.reduce((sum, audit) => sum + (audit?.bytes ?? 0), 0),
  };
}

/** True for an event after which a job runs no more. */
export function isEnd(event: RecordedEvent): boolean {
  if (event.type === 'AttemptSucceeded') return true;
  if (event.type === 'JobCanceled' || event.type === 'JobDiscarded') return true;
  return decisionOf(event)?.action === 'fail';
}

/** What an event decided after a failed or lost attempt. */
export function decisionOf(event: RecordedEvent): FailureDecision | undefined {
  const isFailure = event.type === 'AttemptFailed' || event.type === 'AttemptLost';
  return isFailure ? event.data.decision : undefined;
}

/** The worker that ran an attempt. */
export function workerOf(job: AuditedJob, attempt: number): number | null {
  const start = job.events.find(
    (event) => event.type === 'AttemptStarted' && event.data.attempt === attempt,
  );
  return start?.type === 'AttemptStarted' ? start.data.worker : null;
}

function endingOf(job: AuditedJob): Ending | undefined {
  const event = job.events.findLast(isEnd);
  if (event === undefined || !('attempt' in event.data) || event.data.attempt === undefined) {
    return undefined;
  }
  const { attempt } = event.data;
  const outcome = event.type === 'AttemptSucceeded' ? 'succeeded' : 'failed';
  return { outcome, attempt, worker: workerOf(job, attempt) };
}

function failuresOf(job: AuditedJob): Failure[] {
  const event = job.events.findLast(isEnd);
  if (event?.type !== 'AttemptFailed' && event?.type !== 'AttemptLost') return [];
  return [{ job, error: event.data.error, reason: event.data.decision.reason }];
}

function lossesOf(job: AuditedJob): LostAttempt[] {
  return job.events.flatMap((event, index) => {
    if (event.type !== 'AttemptLost') return [];
    const { attempt, worker, decision } = event.data;
    const start = job.events
      .slice(0, index)
      .findLast((earlier) => earlier.type === 'AttemptStarted');
    return [
      {
        ...{ job, attempt, worker, ending: endingOf(job) },
        lostAfterMs: start === undefined ? 0 : msBetween(start, event),
        delayMs: decision.action === 'retry' ? decision.delayMs : null,
      },
    ];
  });
}

function retriesOf(job: AuditedJob): Retry[] {
  return job.events.flatMap((event) => {
    const decision = decisionOf(event);
    if (decision?.action !== 'retry') return [];
    const after = event.type === 'AttemptLost' ? 'loss' : 'failure';
    return [{ job, after, delayMs: decision.delayMs, policy: decision.policy }];
  });
}

/** Milliseconds from one event to a later one. */
export function msBetween(one: RecordedEvent, other: RecordedEvent): number {
  return Date.parse(other.recordedAt) - Date.parse(one.recordedAt);
}
