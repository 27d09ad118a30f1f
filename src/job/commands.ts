import type { EventMeta, JobEvents, UniqueScope } from './events.js';
import type { ErrorRecord } from './error-record.js';
import type { Json } from './json.js';

/**
 * What somebody wants of a job. Workers send the first group, operators the second. Commands carry
 * every outside fact they need (times, delays, ids): deciding reads no clock and draws no numbers.
 */
export type JobCommand =
  | {
      readonly type: 'EnqueueJob';
      readonly data: JobEvents['JobEnqueued'];
      readonly meta?: EventMeta;
    }
  | { readonly type: 'StartAttempt'; readonly worker: number; readonly claim: number }
  | OutcomeCommand
  | {
      readonly type: 'LoseAttempt';
      readonly attempt: number;
      readonly why: string;
      readonly error: ErrorRecord;
      readonly delay: RetryDelay;
    }
  | { readonly type: 'EndCanceledAttempt'; readonly attempt: number }
  | {
      readonly type: 'ReportProgress';
      readonly attempt: number;
      readonly worker: number;
      readonly fraction: number;
      readonly note?: string;
    }
  | { readonly type: 'RecordDuplicate'; readonly times: number; readonly by: string | null }
  | {
      readonly type: 'RejectOutcome';
      readonly attempt: number;
      readonly worker: number;
      readonly outcome: string;
      readonly reason: string;
    }
  | OperatorCommand;

/** How an attempt ended, as its worker saw it; `meta` carries the attempt's span context. */
export type OutcomeCommand = { readonly meta?: EventMeta } & (
  | {
      readonly type: 'SucceedAttempt';
      readonly attempt: number;
      readonly worker: number;
      readonly startedAt: string;
      readonly durationMs: number;
      readonly result?: Json;
      readonly resultOmitted?: string;
    }
  | {
      readonly type: 'FailAttempt';
      readonly attempt: number;
      readonly worker: number;
      readonly startedAt: string;
      readonly durationMs: number;
      readonly error: ErrorRecord;
      readonly cause?: 'unknown-kind' | 'invalid-payload' | 'malformed' | 'unstorable';
      readonly delay: RetryDelay;
    }
  | {
      readonly type: 'ReleaseAttempt';
      readonly attempt: number;
      readonly worker: number;
      readonly why: string;
    }
  | {
      readonly type: 'SnoozeAttempt';
      readonly attempt: number;
      readonly worker: number;
      readonly startedAt: string;
      readonly durationMs: number;
      readonly delayMs?: number;
      readonly runAt?: string;
    }
);

/** The delay to take if the attempt is to be retried, worked out beforehand by the policy. */
export interface RetryDelay {
  readonly delayMs: number;
  readonly policy: string;
  readonly note?: string;
}

/** What an operator (or a program acting as one) may ask; each is recorded with actor and reason. */
export type OperatorCommand =
  | { readonly type: 'CancelJob'; readonly actor: string; readonly reason: string }
  | {
      readonly type: 'RetryJob';
      readonly actor: string;
      readonly reason: string;
      readonly extraAttempts?: number;
      readonly payload?: Json;
    }
  | { readonly type: 'DiscardJob'; readonly actor: string; readonly reason: string }
  | {
      readonly type: 'RescheduleJob';
      readonly actor: string;
      readonly reason: string;
      readonly runAt: string;
    }
  | {
      readonly type: 'ReprioritizeJob';
      readonly actor: string;
      readonly reason: string;
      readonly priority: number;
    };

/**
 * A command that does not fit the job's state, or (UNREADABLE) a job whose events this program cannot
 * fold, perhaps a newer one's, or (UNMATCHED) one that is not among those that were meant. Expected, so
 * a value and no exception.
 */
export interface Rejection {
  readonly rejected:
    'ILLEGAL_STATE' | 'JOB_EXISTS' | 'JOB_NOT_FOUND' | 'STALE_ATTEMPT' | 'UNREADABLE' | 'UNMATCHED';
  readonly message: string;
}

export type { UniqueScope };
