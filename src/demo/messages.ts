import type { KafkaOptions } from '../index.js';

/** What a worker process of the demo tells the demo. */
export type FromWorker =
  | { readonly type: 'ready' }
  | { readonly type: 'working'; readonly worker: number }
  /** Its first attempt of this run has begun. */
  | { readonly type: 'began' }
  /** An attempt has begun and waits. */
  | { readonly type: 'holding'; readonly jobId: string; readonly worker: number };

/** What the demo tells a worker process. The end of the channel means: stop. */
export type ToWorker =
  | { readonly type: 'work' }
  /** Go on with what waits, and hold no more. */
  | { readonly type: 'release' };

/** What the service beside the workers tells the demo. */
export interface FromService {
  readonly type: 'ready';
}

/** How the service is started: a program of its own, with tables of its own. */
export interface ServiceOrders {
  readonly project: string;
  /** Its own database; here it is the ledger's, in another schema. */
  readonly database: string;
  readonly group: string;
  readonly kafka: KafkaOptions;
}

/** How a worker process is started. */
export interface WorkerOrders {
  readonly project: string;
  readonly dataFolder: string;
  /** Marks the jobs of this run: an interrupted one may have left others. */
  readonly runId: string;
  /** How many attempts of this run may begin before the next ones are held. */
  readonly holdAfter: number;
  readonly concurrency: number;
  readonly leaseMs: number;
  /** Whether it offers itself for the work that one process does for all. */
  readonly maintenance: boolean;
}
