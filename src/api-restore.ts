import type { LedgerOptions } from './api.js';
import type { KafkaOptions } from './api-kafka.js';
import type { Repair } from './api-repair.js';

/** Which database, and which topic. */
export type FromKafkaOptions = Pick<LedgerOptions, 'database' | 'schema' | 'pooler' | 'logger'> & {
  readonly kafka: KafkaOptions;
};

/** Options of `restoreLedger`. */
export type RestoreOptions = FromKafkaOptions & {
  /** Take over what a ledger that has events lacks at the end; false unless said. */
  readonly tail?: boolean;
  /** Hears a few times a second how far it is. */
  readonly onProgress?: (progress: RestoreProgress) => void;
};

/** How far a restore is. */
export interface RestoreProgress {
  /** Events that the ledger has, and will have. */
  readonly events: number;
  readonly of: number;
  /** Null until there is something to measure. */
  readonly eventsPerSecond: number | null;
  readonly secondsLeft: number | null;
}

/** What `restoreLedger` answers. */
export interface Restored {
  readonly ledgerId: string;
  readonly epoch: number;
  readonly partitions: number;
  /** Events that the ledger has now, and how many of them were taken from the topic just now. */
  readonly events: number;
  readonly taken: number;
  /** What was made of the log, with what `verify` said afterwards. */
  readonly repair: Repair;
}
