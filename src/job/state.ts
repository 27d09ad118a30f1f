import type { EventMeta, UniqueScope, FailureDecision, WaitingState } from './events.js';
import type { ErrorRecord } from './error-record.js';
import { compareInstants } from './instant.js';
import type { Json, JsonObject } from './json.js';
import type { RetryPolicy } from './retry.js';

/**
 * What a job is, folded from its events. Each state carries only the fields that are valid in it.
 * `scheduled` and `retrying` whose time has come read as `available`: see `stateAt`.
 */
export type JobState =
  | (JobFacts & { readonly state: 'scheduled'; readonly runAt: string })
  | (JobFacts & { readonly state: 'available' })
  | (JobFacts & {
      readonly state: 'running';
      readonly worker: number;
      readonly claim: number;
      readonly startedAt: string;
      readonly progress?: { readonly fraction: number; readonly note?: string };
      readonly cancelRequested?: { readonly reason: string; readonly actor?: string };
    })
  | (JobFacts & { readonly state: 'retrying'; readonly runAt: string })
  | (JobFacts & {
      readonly state: 'succeeded';
      readonly finishedAt: string;
      readonly result?: Json;
      readonly resultOmitted?: string;
    })
  | (JobFacts & {
      readonly state: 'failed';
      readonly finishedAt: string;
      readonly decision: FailureDecision;
    })
  | (JobFacts & {
      readonly state: 'canceled';
      readonly finishedAt: string;
      readonly reason: string;
    })
  | (JobFacts & {
      readonly state: 'discarded';
      readonly finishedAt: string;
      readonly reason: string;
    });

/** What is known of a job in every state. */
export interface JobFacts {
  readonly id: string;
  readonly partition: number;
  /** Position of the JobEnqueued event: the second half of the short id. */
  readonly position: number;
  readonly version: number;
  readonly kind: string;
  readonly queue: string;
  readonly payload: Json;
  /** Position of the latest event that carries the whole payload. */
  readonly payloadAt: number;
  readonly priority: number;
  /** Number of the latest attempt, 0 before the first. It only rises and is never used again. */
  readonly attempt: number;
  /** Attempts that count against `maxAttempts`: all less those released or snoozed. */
  readonly counted: number;
  readonly maxAttempts: number;
  readonly timeoutMs: number | null;
  readonly retry?: RetryPolicy;
  /** How often in a row the job's worker was lost. Two put it into quarantine. */
  readonly losses: number;
  readonly unique?: { readonly key: string; readonly scope: UniqueScope };
  readonly metadata?: JsonObject;
  readonly meta: EventMeta;
  /** The latest failure or loss of this job. */
  readonly previousError?: ErrorRecord;
  /** Position of the event that carries `previousError`. */
  readonly errorAt?: number;
  /** The latest retry delay, in milliseconds; decorrelated jitter grows from it. */
  readonly previousDelayMs?: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}

/** A state's name; the last four are terminal. */
export type StateName = JobState['state'];

export const STATES = [
  'scheduled',
  'available',
  'running',
  'retrying',
  'succeeded',
  'failed',
  'canceled',
  'discarded',
] as const satisfies readonly StateName[];

export const TERMINAL_STATES = [
  'succeeded',
  'failed',
  'canceled',
  'discarded',
] as const satisfies readonly StateName[];

/** True if the job has ended (a failed one may still be retried by an operator). */
export function isTerminal(state: StateName): boolean {
  return (TERMINAL_STATES as readonly StateName[]).includes(state);
}

/** A job that waits for a worker or for a time. */
export type WaitingJob = Extract<JobState, { readonly state: WaitingState }>;

/** True if the job waits for a worker or for a time. */
export function isWaiting(job: JobState): job is WaitingJob {
  return job.state === 'scheduled' || job.state === 'available' || job.state === 'retrying';
}

/** The state as it reads at a time: what is due is available. `at` is UTC ISO 8601 text. */
export function stateAt(job: JobState, at: string): StateName {
  const waits = job.state === 'scheduled' || job.state === 'retrying';
  return waits && compareInstants(job.runAt, at) <= 0 ? 'available' : job.state;
}
