import type { Json, JsonObject } from './json.js';
import type { ErrorRecord } from './error-record.js';
import type { RetryPolicy } from './retry.js';

/**
 * The facts that make up a job's stream. An event says what happened; nothing is ever changed or
 * taken back. `JobEvents` maps each type to what its `data` carries in its newest version; `runAt` is
 * stamped by the append (the ledger's clock plus `delayMs`) wherever a delay was decided.
 */
export interface JobEvents {
  /** First event of every job stream. Absent `retry` means the default policy of schema version 1. */
  JobEnqueued: {
    readonly payload: Json;
    readonly priority: number;
    readonly maxAttempts: number;
    /** Milliseconds an attempt may take; null means no limit. */
    readonly timeoutMs: number | null;
    readonly retry?: RetryPolicy;
    readonly runAt?: string;
    readonly unique?: { readonly key: string; readonly scope: UniqueScope };
    readonly metadata?: JsonObject;
  };
  /** Somebody asked for a job that this one already is; aggregated to one per job and second. */
  JobDeduplicated: { readonly times: number; readonly by: string | null };
  AttemptStarted: { readonly attempt: number; readonly worker: number; readonly claim: number };
  ProgressReported: {
    readonly attempt: number;
    readonly fraction: number;
    readonly note?: string;
  };
  AttemptSucceeded: {
    readonly attempt: number;
    readonly startedAt: string;
    readonly durationMs: number;
    readonly result?: Json;
    /** Why the result is not here: it was too large, or not JSON. */
    readonly resultOmitted?: string;
  };
  AttemptFailed: {
    readonly attempt: number;
    readonly startedAt: string;
    readonly durationMs: number;
    readonly error: ErrorRecord;
    readonly decision: FailureDecision;
    readonly runAt?: string;
  };
  /** The worker died or lost its lease; nobody knows how far the attempt got. */
  AttemptLost: {
    readonly attempt: number;
    readonly worker: number;
    readonly why: string;
    readonly error: ErrorRecord;
    readonly decision: FailureDecision;
    readonly runAt?: string;
  };
  /** The attempt was given back and does not count. */
  AttemptReleased: { readonly attempt: number; readonly why: string };
  /** The handler asked to be run again later; the attempt does not count. */
  JobSnoozed: {
    readonly attempt: number;
    readonly startedAt: string;
    readonly durationMs: number;
    readonly delayMs?: number;
    readonly runAt?: string;
  };
  /** An outcome that came after its attempt had been decided otherwise. It changes nothing. */
  OutcomeRejected: {
    readonly attempt: number;
    readonly worker: number;
    readonly outcome: string;
    readonly reason: string;
  };
  CancelRequested: { readonly reason: string };
  JobCanceled: {
    readonly reason: string;
    readonly from: WaitingState | 'running';
    readonly attempt?: number;
    readonly durationMs?: number;
    /** How the canceled attempt ended: `failed`, `lost`, `released`, `snoozed` or `grace-elapsed`. */
    readonly ending?: string;
    readonly error?: ErrorRecord;
  };
  /** An operator lets a failed job run again. `maxAttempts` is the new limit of counted attempts. */
  JobRetried: {
    readonly reason: string;
    readonly from: 'failed';
    readonly extraAttempts: number;
    readonly maxAttempts: number;
    readonly payload?: Json;
  };
  JobRescheduled: {
    readonly reason: string;
    readonly state: 'scheduled' | 'retrying';
    readonly from: string;
    readonly to: string;
  };
  JobReprioritized: { readonly reason: string; readonly from: number; readonly to: number };
  JobDiscarded: { readonly reason: string; readonly from: WaitingState | 'failed' };
}

/** How long a unique key is held: while its job is not terminal, for good, or for a time. */
export type UniqueScope = 'active' | 'forever' | { readonly withinMs: number };

/** A state in which a job waits for a worker or for a time. */
export type WaitingState = 'scheduled' | 'available' | 'retrying';

/** What became of a job after a failed or lost attempt, and why. */
export type FailureDecision =
  | {
      readonly action: 'retry';
      readonly reason: 'retryable' | 'retry-after' | 'lost';
      readonly policy: string;
      readonly delayMs: number;
      /** Set when user code on the way to this decision failed and a default stood in. */
      readonly note?: string;
    }
  | {
      readonly action: 'fail';
      readonly reason:
        | 'exhausted'
        | 'non-retryable'
        | 'unknown-kind'
        | 'invalid-payload'
        | 'malformed'
        | 'unstorable';
      readonly note?: string;
    };

/** An event's name. */
export type EventType = keyof JobEvents;

/** An event that has been decided but not yet recorded. */
export type NewEvent = {
  [T in EventType]: { readonly type: T; readonly data: JobEvents[T]; readonly meta?: EventMeta };
}[EventType];

/** What every event may say beside its data: who, for whom, because of what. */
export interface EventMeta {
  readonly actor?: string;
  readonly tenant?: string;
  readonly principal?: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly baggage?: string;
  /** How its attempts relate to the enqueue’s span, where that is not left to the rules. */
  readonly trace?: 'child' | 'link';
  /** How many causations lie between this job and the one nobody caused. */
  readonly hops?: number;
}

/**
 * An event of the ledger, in the newest version of its type that this program knows, whichever it was
 * stored in. `recordedAt` is UTC, ISO 8601, with microseconds.
 */
export type RecordedEvent = {
  [T in EventType]: {
    readonly partition: number;
    readonly position: number;
    readonly streamId: string;
    readonly version: number;
    readonly type: T;
    readonly schemaVersion: number;
    readonly kind: string;
    readonly queue: string;
    readonly data: JobEvents[T];
    readonly meta: EventMeta;
    readonly recordedAt: string;
  };
}[EventType];

/** The recorded event of one type. */
export type EventOf<T extends EventType> = Extract<RecordedEvent, { readonly type: T }>;

/** Every event type, in the order of a job's life; the database's `event_type` lists the same. */
export const EVENT_TYPES = [
  'JobEnqueued',
  'JobDeduplicated',
  'AttemptStarted',
  'ProgressReported',
  'AttemptSucceeded',
  'AttemptFailed',
  'AttemptLost',
  'AttemptReleased',
  'JobSnoozed',
  'OutcomeRejected',
  'CancelRequested',
  'JobCanceled',
  'JobRetried',
  'JobRescheduled',
  'JobReprioritized',
  'JobDiscarded',
] as const satisfies readonly EventType[];
