import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { ClientConfig } from 'pg';
import type { BulkOptions, BulkPreview, BulkResult, JobPage, PageOptions } from './api-bulk.js';
import type { JobFilter } from './api-filter.js';
import type { ListedJob, ListOptions, Stats, Verification, VerifyOptions } from './api-views.js';
import type { AsOf, AsOfOption } from './api-as-of.js';
import type { DiffOptions, LedgerDiff, PastStats } from './api-past.js';
import type { EpochStart, LedgerRelay, PublicationStatus, RelayOptions } from './api-kafka.js';
import type { LedgerProjections, ProjectionsOptions, UpTo } from './api-projections.js';
import type { Repair, RepairOptions } from './api-repair.js';
import type { LedgerProjector, ProjectorOptions } from './api-projector.js';
import type { LedgerWorker, WorkerInfo, WorkerOptions } from './api-worker.js';
import type { Enqueued, EnqueueOptions } from './job/enqueue-options.js';
import type { JobContract, Schema, Log } from './job/define.js';
import type { RecordedEvent } from './job/events.js';
import type { Json } from './job/json.js';
import type { JobState } from './job/state.js';

/**
 * Where the ledger lives: a URL, a `pg` configuration (TLS, a password function), or the folder of
 * an embedded Postgres.
 */
export type DatabaseOption = string | ClientConfig | { readonly embedded: string };

/** Options of `openLedger`. All of them are checked before anything connects. */
export interface LedgerOptions {
  /** Postgres 15 or later; the embedded Postgres in `./.jobledger` unless said. */
  readonly database?: DatabaseOption;
  /** Schema of the ledger's tables, any name of 1 to 63 bytes; `jobledger` unless said. */
  readonly schema?: string;
  /** The kinds this program knows. With them, enqueueing any other kind throws `UNKNOWN_KIND`. */
  readonly jobs?: readonly JobContract[];
  /** Run migrations at opening. The embedded database always does. */
  readonly migrate?: boolean;
  /** Number of partitions of a new ledger, 1 to 256; permanent; 16 unless said. */
  readonly partitions?: number;
  /** True behind a transaction pooler: no named statements, LISTEN or session state. */
  readonly pooler?: boolean;
  /**
   * Connections of a process with one worker, 2 to 1,000; 8 unless said. The pool has three less, at
   * least two: LISTEN, the worker's heartbeat and the embedded server have one each.
   */
  readonly maxConnections?: number;
  /**
   * How long an enqueue keeps trying while the store is away, in milliseconds, 0 to 86,400,000;
   * 30,000 unless said.
   */
  readonly enqueueTimeoutMs?: number;
  /** What an enqueue does while 20,000 jobs or 32 MiB wait to be flushed; `wait` unless said. */
  readonly whenBufferFull?: 'wait' | 'reject';
  /** A pino logger or one like it; false for none. Warnings and errors to stderr unless said. */
  readonly logger?: Log | false;
  /** Added to the database's clock, in milliseconds. For tests. */
  readonly clockShiftMs?: () => number;
}

/** One element of `enqueueMany`: a job, its payload, and any option of `enqueue`. */
export type EnqueueItem<P extends Schema = Schema> = EnqueueOptions & {
  readonly job: JobContract<P> | string;
  readonly payload: StandardSchemaV1.InferInput<P>;
};

/** Who asks for an operator's action, and why; both are recorded. Each is 1 to 255 bytes of text. */
export interface Actor {
  /** A person or a program. */
  readonly actor: string;
  /** One line for whoever reads the history. */
  readonly reason: string;
}

/**
 * A job as `get` gives it: the fold of its stream, with its short id (`3/1042`; null in the inbox).
 * `state` says which other fields there are.
 */
export type Job = JobState & { readonly shortId: string | null };

/** An open ledger. See `openLedger`. */
export interface Ledger extends AsyncDisposable {
  /** The ledger's own UUID, made when its schema was. */
  readonly ledgerId: string;
  /** How many partitions the ledger has. */
  readonly partitions: number;
  /** For other clients while this ledger is open, if the database is the embedded one. */
  readonly databaseUrl: string | undefined;
  /**
   * Records one job. Resolves when it is committed, or, with `transaction`, when it stands in the
   * caller's open transaction. Throws before anything is recorded: `BAD_INPUT`, `PAYLOAD_INVALID`,
   * `PAYLOAD_TOO_LARGE`, `UNKNOWN_KIND`, `UNIQUE_KEY_TAKEN`, `JOB_EXISTS`. After `STORE_UNREACHABLE`
   * nobody knows: the error's `jobId`, given as `id`, makes trying again safe.
   *
   * @example
   * const { id, created } = await ledger.enqueue(sendEmail, payload, {
   *   delay: 60_000,
   *   unique: { key: `welcome:${userId}` },
   * });
   */
  enqueue<P extends Schema>(
    job: JobContract<P> | string,
    payload: StandardSchemaV1.InferInput<P>,
    options?: EnqueueOptions,
  ): Promise<Enqueued>;
  /**
   * Records many jobs and gives their ids in order. All are checked before any is recorded; then each
   * stands for itself, unless `atomic` or a `transaction` makes it all or none.
   */
  enqueueMany<Ps extends readonly Schema[]>(
    items: readonly [...{ [K in keyof Ps]: EnqueueItem<Ps[K]> }],
    options?: { readonly atomic?: boolean; readonly transaction?: unknown },
  ): Promise<readonly Enqueued[]>;
  /**
   * The job now, or `asOf` an earlier time, folded from its stream; undefined if there is none, or was
   * none yet in the log. Takes an id or a short id. Throws `ILLEGAL_STATE` with the reason if its row of
   * the inbox was set aside or its events cannot be read.
   *
   * @example
   * const before = await ledger.get(id, { asOf: { agoMs: 600_000 } });
   */
  get(id: string, options?: AsOfOption): Promise<Job | undefined>;
  /**
   * All events of a job, or those until a time, oldest first, each in the newest version of its type; none
   * if there is no such job. Takes an id or a short id.
   */
  history(id: string, options?: AsOfOption): Promise<readonly RecordedEvent[]>;
  /**
   * Waiting and running jobs in the order they will run; ended ones and all, newest first. By state,
   * kind and queue it reads the ledger itself; by anything else, or by several states, it is the first
   * page of `listPage`. With `asOf` it is that of the past.
   */
  list(options?: ListOptions): Promise<readonly ListedJob[]>;
  /**
   * Jobs in pages, newest enqueued first, found in the read model `jobs` and told from their events.
   * A job that stands in the filter throughout is on one page exactly, whatever changes between them.
   * Throws `READ_MODEL_MISSING` where no projector has made it.
   *
   * `asOf` an earlier time they come from the read model `job-states`, those that had come into their
   * state last first, and all pages of a cursor are of one instant. Throws as `stats` with `asOf` does.
   *
   * @example
   * for (let cursor: string | undefined; ;) {
   *   const { jobs, next } = await ledger.listPage({ tenant: 'acme', cursor });
   *   console.table(jobs);
   *   if (next === null) break;
   *   cursor = next;
   * }
   */
  listPage(options?: PageOptions): Promise<JobPage>;
  /**
   * How many jobs fit the filter. By states, kind and queue it counts in the ledger itself, by anything
   * else in the read model `jobs`, on one snapshot of it; `asOf` an earlier time, as `stats` and lists.
   */
  count(filter?: JobFilter & AsOfOption): Promise<number>;
  /**
   * Retries, discards or cancels every job that fits the filter when its turn comes, in batches, each
   * job with an event of its own. Jobs that begin to fit meanwhile may be left out. What was done stays
   * done: after an early end the same call again, or `cursor`, does the rest. A job that refuses (its
   * unique key is taken, say) stops no other.
   *
   * @example
   * const { done, refused } = await ledger.bulk({
   *   action: 'retry',
   *   filter: { kind: 'email.send', errorCategory: 'network' },
   *   ...{ actor: 'ada', reason: 'the mail server is back' },
   * });
   */
  bulk(options: BulkOptions): Promise<BulkResult>;
  /** What `bulk` would do: counts and samples. Changes nothing. */
  previewBulk(options: Pick<BulkOptions, 'action' | 'filter'>): Promise<BulkPreview>;
  /**
   * Cancels a waiting job at once, and asks a running one to end: its signal aborts, and any ending
   * but success becomes JobCanceled. Like all operator actions it throws `JOB_NOT_FOUND` or, in a
   * state that does not allow it, `ILLEGAL_STATE`, and then changes nothing.
   */
  cancel(id: string, by: Actor): Promise<Job>;
  /** Lets a failed job run again, with one attempt more unless told, and a new payload if given. */
  retry(
    id: string,
    by: Actor & { readonly extraAttempts?: number; readonly payload?: Json },
  ): Promise<Job>;
  /** Ends a waiting or failed job for good, unrun. */
  discard(id: string, by: Actor): Promise<Job>;
  /** Gives a scheduled or retrying job another time; one that has passed means now. */
  reschedule(id: string, by: Actor & { readonly runAt: Date | string }): Promise<Job>;
  /** Gives a waiting job another priority. */
  reprioritize(id: string, by: Actor & { readonly priority: number }): Promise<Job>;
  /** Counts by state, queue and kind, all of one snapshot. */
  stats(options?: { readonly asOf?: undefined }): Promise<Stats>;
  /**
   * The same as they were, of what the log had then, with the help of the read model `job-states`. Throws
   * `READ_MODEL_MISSING`, `NOT_CAUGHT_UP` or `JOB_PARKED` if it cannot tell, as `list` and `count` do.
   */
  stats(options: { readonly asOf: AsOf }): Promise<PastStats>;
  /**
   * What changed between two instants: counts, events, jobs that moved from one state to another, and new
   * failures by their error. Throws as `stats` with `asOf` does.
   *
   * @example
   * const { moves } = await ledger.diff({ from: { agoMs: 3_600_000 } });
   */
  diff(options: DiffOptions): Promise<LedgerDiff>;
  /** The instant that is meant, by the database's clock; UTC text. Throws `BAD_INPUT` for one to come. */
  instant(asOf: AsOf): Promise<string>;
  /**
   * Proves that positions are dense and that dispatch tables and tallies equal the fold of the log. `deep`
   * adds a second opinion from the events alone, by a checker that shares no code with the ledger;
   * `projections`, the read models that are served and of which it is the code.
   */
  verify(options?: VerifyOptions): Promise<Verification>;
  /**
   * Makes the dispatch tables and tallies of a stopped ledger what the log says, then verifies; rows
   * that are right, the log and the inbox are not touched. With `dryRun` it only says what it would
   * change. Throws `LEDGER_RUNNING` while a worker is alive, `CONFLICT` if somebody keeps a partition
   * locked; what was repaired before an error stays repaired, and running it again goes on.
   */
  repairDispatch(options?: RepairOptions): Promise<Repair>;
  /** A worker as it was registered, whether it lives or not: `AttemptStarted` names its id. */
  workerInfo(id: number): Promise<WorkerInfo | undefined>;
  /**
   * A projector of this process: keeps read models up to date from the ledger's events, each in a table
   * of its own that a view of its name shows. Any number may run; one at a time has each read model.
   */
  projector(options: ProjectorOptions): LedgerProjector;
  /**
   * The read models, for who looks after them: how far each has come, rebuild, rollback, parked jobs,
   * proof. What folds needs their code.
   *
   * @example
   * await ledger.projections({ projections }).rebuild('jobs');
   */
  projections(options?: ProjectionsOptions): LedgerProjections;
  /**
   * Resolves once what is served of a read model has folded everything up to a job's latest event, a
   * position, or all that the log holds now; waits 10 s unless told, in milliseconds. Throws
   * `BAD_INPUT`, `PROJECTION_NOT_FOUND`, `JOB_NOT_FOUND`, `JOB_PARKED`, and `NOT_CAUGHT_UP` when the
   * time is over.
   *
   * @example
   * const { id } = await ledger.enqueue(sendEmail, payload);
   * await ledger.caughtUp('jobs', id);
   */
  caughtUp(name: string, upTo?: UpTo, options?: { readonly timeoutMs?: number }): Promise<void>;
  /**
   * A relay of this process, not yet started: publishes every event of the ledger to Kafka, in order and
   * once. Any number may run; they share the partitions out. Throws `BAD_CONFIG`.
   *
   * @example
   * const relay = ledger.relay({ kafka: { brokers: ['localhost:9092'] } });
   * await relay.start();
   */
  relay(options: RelayOptions): LedgerRelay;
  /** How far the ledger is published, by topic; none if no relay ever ran. */
  publications(): Promise<readonly PublicationStatus[]>;
  /**
   * A worker that runs jobs in this process, not yet started. Throws `BAD_CONFIG`.
   *
   * @example
   * const worker = ledger.worker({ jobs: [sendEmail.handler(send)], concurrency: 20 });
   * await worker.start();
   */
  worker(options: WorkerOptions): LedgerWorker;
  /** Where the ledger's epochs but the first begin, oldest first; none if it has never left a log. */
  epochs(): Promise<readonly EpochStart[]>;
  /** Brings the schema up to date; gives the names of the steps taken. */
  migrate(): Promise<readonly string[]>;
  /** Stops this ledger's workers, flushes accepted enqueues, closes all connections. */
  close(): Promise<void>;
}
