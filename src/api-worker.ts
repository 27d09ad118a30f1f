import type { HandlerContext, RunnableJob } from './job/define.js';
import type { EventType } from './job/events.js';
import type { RetryPolicy } from './job/retry.js';
import type { StateName } from './job/state.js';

/** Options of `Ledger.worker`. All faults are told at once, as `BAD_CONFIG`. */
export interface WorkerOptions {
  /** The kinds to work, with their handlers; at least one, no kind twice. */
  readonly jobs: readonly RunnableJob[];
  /** Queues to work; every queue of the jobs' kinds unless said, `default` at least. */
  readonly queues?: readonly string[];
  /** Handlers at a time, 1 to 10,000; 10 unless said. */
  readonly concurrency?: number;
  /** Most jobs claimed ahead of free slots, 0 to 10,000; 1,000 unless said. */
  readonly fetchAhead?: number;
  /** Milliseconds between looks for work that no notification told of, 10 to an hour; 1,000 unless said. */
  readonly pollIntervalMs?: number;
  /** Milliseconds between heartbeats, 50 to an hour; 5,000 unless said. */
  readonly heartbeatMs?: number;
  /**
   * Milliseconds without a heartbeat after which this worker counts as dead, at least three times
   * `heartbeatMs`; 15,000 unless said.
   */
  readonly leaseMs?: number;
  /** Milliseconds that `stop` lets running handlers go on; 25,000 unless said. */
  readonly shutdownGraceMs?: number;
  /** How long before the grace ends the signals abort with `shutdown`; 5,000 unless said. */
  readonly shutdownAbortMs?: number;
  /** How long the event loop may stand still before the worker gives its leases up; 300,000 unless said. */
  readonly stallLimitMs?: number;
  /** Milliseconds after which a canceled job ends even if its handler goes on; 30,000 unless said. */
  readonly cancelGraceMs?: number;
  /** Retry policy for jobs of which neither enqueue nor kind gave one. */
  readonly retry?: RetryPolicy;
  /** Around every handler of this worker; the first is outermost. */
  readonly middleware?: readonly Middleware[];
  /**
   * Told while this worker lives of each change of a job's state that this `Ledger` has committed, by
   * any of its workers or by a call such as `cancel`: once, and for each job in the order of its
   * versions. Not told of jobs that are enqueued or fall due. Not awaited; what it throws harms nothing.
   */
  readonly onTransition?: (transition: Transition) => void;
  /** Also claim kinds this worker lacks, and fail them as `unknown-kind`. */
  readonly failUnknownKinds?: boolean;
  /** Run the promoter, mover and reaper too (one process leads each); true unless said. */
  readonly maintenance?: boolean;
}

/**
 * Around a handler, onion-wise: first registered is outermost. It runs inside the attempt's timeout;
 * its errors count as the handler's; who does not call `next` ends the attempt with what it returns.
 *
 * @example
 * const timed: Middleware = async (payload, { log, kind }, next) => {
 *   const began = performance.now();
 *   try {
 *     return await next();
 *   } finally {
 *     log.info({ kind, ms: performance.now() - began }, 'handler returned');
 *   }
 * };
 */
export type Middleware = (
  payload: unknown,
  context: HandlerContext,
  next: () => Promise<unknown>,
) => Promise<unknown>;

/** A committed change of a job's state, made by this process. */
export interface Transition {
  readonly jobId: string;
  readonly kind: string;
  readonly queue: string;
  readonly from: StateName;
  readonly to: StateName;
  /** The event that changed it. */
  readonly event: { readonly type: EventType; readonly data: object };
}

/** A worker of this process. See `Ledger.worker`. */
export interface LedgerWorker extends AsyncDisposable {
  /** Its id while it is registered; a new one after it was declared dead and went on. */
  readonly id: number | undefined;
  /** Registers and begins to claim. A start that fails leaves nothing behind and can be repeated. */
  start(): Promise<void>;
  /**
   * Stops claiming, lets handlers end within the grace, gives the rest back uncounted. Harmless if
   * called twice; a stopped worker cannot be started again.
   */
  stop(options?: { readonly graceMs?: number }): Promise<void>;
  /** Settles when the worker has ended, with the reason; rejects if it ended by a fault. */
  readonly ended: Promise<string>;
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
