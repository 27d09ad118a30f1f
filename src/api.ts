import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ClientConfig } from 'pg';
import type { JobContract, RunnableJob, Schema, HandlerContext, Log } from './job/define.js';
import type { EventType, RecordedEvent } from './job/events.js';
import type { Json, JsonObject } from './job/json.js';
import type { JobState, StateName } from './job/state.js';
import type { RetryPolicy, RetryOption } from './job/retry.js';

/** Where the ledger lives: a URL, a `pg` configuration, or a folder for the embedded Postgres. */
export type DatabaseOption = string | ClientConfig | { readonly embedded: string };

export interface LedgerOptions {
  /** Postgres 15 or later; the embedded Postgres in `./.jobledger` unless said. */
  readonly database?: DatabaseOption;
  /** Schema of the ledger's tables; `jobledger` unless said. */
  readonly schema?: string;
  /** The kinds this program knows. With them, enqueueing any other kind is refused. */
  readonly jobs?: readonly JobContract[];
  /** Run migrations at opening. The embedded database always does. */
  readonly migrate?: boolean;
  /** Number of partitions of a new ledger, 1 to 256; permanent; 16 unless said. */
  readonly partitions?: number;
  /** True behind a transaction pooler: no named statements, LISTEN or session state. */
  readonly pooler?: boolean;
  /** Most connections of this process to the database, 8 unless said. */
  readonly maxConnections?: number;
  /** How long an enqueue keeps trying while the store is away, in milliseconds; 30,000 unless said. */
  readonly enqueueTimeoutMs?: number;
  /** A pino logger or one like it; false for none. Warnings and errors to stderr unless said. */
  readonly logger?: Log | false;
  /** Added to the database's clock, in milliseconds. For tests. */
  readonly clockShiftMs?: () => number;
}

export interface EnqueueOptions {
  /** A UUID of the caller's, so that a repeated call makes no second job. */
  readonly id?: string;
  readonly runAt?: Date | string;
  /** Milliseconds from now. */
  readonly delay?: number;
  readonly priority?: number;
  readonly queue?: string;
  readonly unique?: UniqueOption;
  readonly maxAttempts?: number;
  /** Milliseconds an attempt may take, or null for no limit. */
  readonly timeout?: number | null;
  /** Data only: a function cannot travel with a job. */
  readonly retry?: Exclude<RetryOption, (...args: never[]) => unknown>;
  readonly tenant?: string;
  readonly principal?: string;
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly metadata?: JsonObject;
  /** Who enqueues, for the record. */
  readonly actor?: string;
  /** A `pg` client or a Kysely transaction: the job exists exactly if it commits. */
  readonly transaction?: unknown;
}

export interface UniqueOption {
  readonly key: string;
  /** How long the key is held; `within` in milliseconds. `active` unless said. */
  readonly scope?: 'active' | 'forever' | { readonly within: number };
  /** Give the job that has the key (`return`, unless said), or throw UNIQUE_KEY_TAKEN. */
  readonly onConflict?: 'return' | 'reject';
}

export interface Enqueued {
  readonly id: string;
  /** `<partition>/<position>`; null while the job waits in the inbox. */
  readonly shortId: string | null;
  /** False if this id or unique key had a job already; that job is the one named. */
  readonly created: boolean;
  readonly state: StateName;
}

/** One element of `enqueueMany`. */
export type EnqueueItem<P extends Schema = Schema> = EnqueueOptions & {
  readonly job: JobContract<P> | string;
  readonly payload: StandardSchemaV1.InferInput<P>;
};

/** Who asks for an operator's action, and why; both are recorded. */
export interface Actor {
  readonly actor: string;
  readonly reason: string;
}

/** A job as `get` gives it: the fold of its stream, with its short id. */
export type Job = JobState & { readonly shortId: string | null };

export interface ListOptions {
  readonly state?: StateName;
  readonly kind?: string;
  readonly queue?: string;
  /** 1 to 100; 25 unless said. */
  readonly limit?: number;
}

export interface ListedJob {
  readonly id: string;
  readonly shortId: string | null;
  readonly kind: string;
  readonly queue: string;
  readonly state: StateName;
  readonly priority: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly createdAt: string;
  readonly runAt: string | null;
  readonly failedAt?: string;
  readonly decision?: string;
  readonly category?: string;
  readonly message?: string;
  /** Set where this program cannot read the job's events. */
  readonly note?: string;
  /** Why this inbox row cannot become a job. */
  readonly setAside?: string;
}

export type StateCounts = { readonly [S in StateName]: number };

export interface Stats {
  readonly at: string;
  readonly states: StateCounts;
  /** All jobs ever enqueued; the states add up to it. */
  readonly enqueued: number;
  readonly byQueue: readonly (StateCounts & { readonly queue: string; readonly kind: string })[];
  readonly events: number;
  readonly inbox: { readonly waiting: number; readonly setAside: number };
  /** Queues and kinds with waiting jobs that no live worker has. */
  readonly unattended: readonly {
    readonly queue: string;
    readonly kind: string;
    readonly waiting: number;
  }[];
  readonly workers: number;
  /** Milliseconds that the oldest available job has waited, or null. */
  readonly oldestAvailableMs: number | null;
}

export interface Difference {
  /** `position`, `stream`, `ready`, `scheduled`, `leases`, `unique_keys` or `stray`. */
  readonly where: string;
  readonly partition: number | null;
  readonly jobId: string | null;
  readonly text: string;
}

export interface Verification {
  readonly verified: boolean;
  readonly events: number;
  readonly jobs: number;
  readonly differences: readonly Difference[];
  /** What is no difference but wants an eye: rows of the inbox that were set aside. */
  readonly notes: readonly string[];
}

/** Around a handler, onion-wise: first registered is outermost. */
export type Middleware = (
  payload: unknown,
  context: HandlerContext,
  next: () => Promise<unknown>,
) => Promise<unknown>;

export interface Transition {
  readonly jobId: string;
  readonly kind: string;
  readonly queue: string;
  readonly from: StateName;
  readonly to: StateName;
  readonly event: { readonly type: EventType; readonly data: object };
}

export interface WorkerOptions {
  readonly jobs: readonly RunnableJob[];
  /** Queues to work; every queue of the jobs' kinds unless said, `default` at least. */
  readonly queues?: readonly string[];
  /** Handlers at a time, 1 to 10,000; 10 unless said. */
  readonly concurrency?: number;
  /** Most jobs claimed ahead of free slots, 0 to 10,000; 1,000 unless said. */
  readonly fetchAhead?: number;
  readonly pollIntervalMs?: number;
  readonly heartbeatMs?: number;
  /** Milliseconds without a heartbeat after which this worker counts as dead; 15,000 unless said. */
  readonly leaseMs?: number;
  /** Milliseconds that `stop` lets running handlers go on; 25,000 unless said. */
  readonly shutdownGraceMs?: number;
  /** How long before the grace ends the signals abort with `shutdown`; 5,000 unless said. */
  readonly shutdownAbortMs?: number;
  /** How long the event loop may stand still before the worker gives its leases up; 300,000 unless said. */
  readonly stallLimitMs?: number;
  readonly cancelGraceMs?: number;
  readonly retry?: RetryPolicy;
  readonly middleware?: readonly Middleware[];
  readonly onTransition?: (transition: Transition) => void;
  /** Also claim kinds this worker lacks, and fail them as `unknown-kind`. */
  readonly failUnknownKinds?: boolean;
  /** Run the promoter, mover and reaper too (one process leads each); true unless said. */
  readonly maintenance?: boolean;
}

export interface LedgerWorker extends AsyncDisposable {
  readonly id: number | undefined;
  start(): Promise<void>;
  /** Stops claiming, drains within the grace, releases the rest. */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
  /** Settles when the worker has ended, with the reason; rejects if it ended by a fault. */
  readonly ended: Promise<string>;
}

/** An open ledger. See `openLedger`. */
export interface Ledger extends AsyncDisposable {
  readonly ledgerId: string;
  readonly partitions: number;
  enqueue<P extends Schema>(
    job: JobContract<P> | string,
    payload: StandardSchemaV1.InferInput<P>,
    options?: EnqueueOptions,
  ): Promise<Enqueued>;
  enqueueMany(
    items: readonly EnqueueItem[],
    options?: { readonly atomic?: boolean; readonly transaction?: unknown },
  ): Promise<readonly Enqueued[]>;
  /** The job now, folded from its stream; undefined if there is none. Takes an id or a short id. */
  get(id: string): Promise<Job | undefined>;
  history(id: string): Promise<readonly RecordedEvent[]>;
  list(options?: ListOptions): Promise<readonly ListedJob[]>;
  cancel(id: string, by: Actor): Promise<Job>;
  retry(
    id: string,
    by: Actor & { readonly extraAttempts?: number; readonly payload?: Json },
  ): Promise<Job>;
  discard(id: string, by: Actor): Promise<Job>;
  reschedule(id: string, by: Actor & { readonly runAt: Date | string }): Promise<Job>;
  reprioritize(id: string, by: Actor & { readonly priority: number }): Promise<Job>;
  stats(): Promise<Stats>;
  verify(): Promise<Verification>;
  workerInfo(id: number): Promise<WorkerInfo | undefined>;
  worker(options: WorkerOptions): LedgerWorker;
  migrate(): Promise<readonly string[]>;
  close(): Promise<void>;
}

/** A worker process as the ledger remembers it, long after it ended. */
export interface WorkerInfo {
  readonly id: number;
  readonly host: string;
  readonly pid: number;
  readonly version: string;
  readonly kinds: readonly string[];
  readonly queues: readonly string[];
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly endReason: string | null;
}
