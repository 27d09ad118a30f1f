import type { JsonObject } from './json.js';
import type { RetryOption } from './retry.js';
import type { StateName } from './state.js';

/** Options of one job. What is left out comes from its kind, then from the library. */
export type EnqueueOptions = OptionsBesideTime & (DueAt | DueAfter);

/** Due at a time; at once unless said. */
export interface DueAt {
  /** Not before this time: a Date, or ISO 8601 text with a zone. Not together with `delay`. */
  readonly runAt?: Date | string;
  readonly delay?: undefined;
}

/** Due after a while; at once unless said. */
export interface DueAfter {
  /** Milliseconds from now, 0 to 100 years. Not together with `runAt`. */
  readonly delay?: number;
  readonly runAt?: undefined;
}

/** All options but those that say when. */
export interface OptionsBesideTime {
  /**
   * A UUID of the caller's, so that a repeated call makes no second job: the first one is returned,
   * or `JOB_EXISTS` thrown if that one is of another kind.
   */
  readonly id?: string;
  /** Lower runs first, −32,768 to 32,767; 0 unless the kind says otherwise. */
  readonly priority?: number;
  /** The queue to wait in; `default` unless the kind says otherwise. */
  readonly queue?: string;
  /** At most one job per key, within tenant and kind. */
  readonly unique?: UniqueOption;
  /** Counted attempts, 1 to 32,767; 1 means no retry; 5 unless the kind says otherwise. */
  readonly maxAttempts?: number;
  /** Milliseconds an attempt may take, 1 to 24 days, or null for no limit; 15 minutes by default. */
  readonly timeout?: number | null;
  /** The job's own retry policy. Data only: a function cannot travel with a job. */
  readonly retry?: Exclude<RetryOption, (...args: never[]) => unknown>;
  /** For whom the job runs; unique keys are apart per tenant. */
  readonly tenant?: string;
  /** In whose name the job runs. Recorded, never interpreted. */
  readonly principal?: string;
  /** What the job belongs to: an order, a request. Follow-ups inherit it. */
  readonly correlationId?: string;
  /** What caused the job. In a handler it is filled in with the handler's own job id. */
  readonly causationId?: string;
  /** Anything JSON that the handler may read beside the payload. */
  readonly metadata?: JsonObject;
  /**
   * How the first attempt's span relates to that of the enqueue: its child, or the root of a new trace
   * that links to it. `auto`, unless said here or by the kind: a child if it begins within a minute,
   * undelayed, no batch, and no more than 25 jobs deep. Retries always begin a new trace.
   */
  readonly trace?: 'auto' | 'child' | 'link';
  /** Who enqueues, for the record. */
  readonly actor?: string;
  /** A `pg` client or a Kysely transaction: the job exists exactly if it commits. */
  readonly transaction?: unknown;
}

/** A key that only one job of a tenant and kind may hold at a time. */
export interface UniqueOption {
  /** Printable text of 1 to 1,024 bytes. */
  readonly key: string;
  /**
   * How long the key is held: until the job has ended (`active`, unless said), for good, or for
   * `within` milliseconds from the enqueue.
   */
  readonly scope?: 'active' | 'forever' | { readonly within: number };
  /** Give the job that has the key (`return`, unless said), or throw UNIQUE_KEY_TAKEN. */
  readonly onConflict?: 'return' | 'reject';
}

/** What `enqueue` answers. */
export interface Enqueued {
  /** The job's UUID; its last byte names the partition. */
  readonly id: string;
  /** `<partition>/<position>`; null while the job waits in the inbox. */
  readonly shortId: string | null;
  /** False if this id or unique key had a job already: that one is named. Payloads are not compared. */
  readonly created: boolean;
  /** The named job's state at the answer. */
  readonly state: StateName;
}
