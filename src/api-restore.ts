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

/** Options of `mirrorLedger`. */
export type MirrorOptions = FromKafkaOptions;

/** Keeps a copy of a ledger up to date from this process. See `mirrorLedger`. */
export interface LedgerMirror extends AsyncDisposable {
  /** Takes over what is published, from here on. Harmless if called twice. */
  start(): void;
  /** Ends after the batch in hand and closes all connections. Harmless if called twice. */
  stop(): Promise<void>;
  /** Takes over what is published by now, without `start`; gives how many events that were. */
  catchUp(): Promise<number>;
  /** Settles when it has stopped; rejects when the topic cannot be followed any more. */
  readonly ended: Promise<void>;
}

/** Options of `beginEpoch`. */
export type EpochOptions = FromKafkaOptions & {
  /** Who decides it, and why; kept with the epoch. */
  readonly actor: string;
  readonly reason: string;
};

/** What `beginEpoch` did in a partition. */
export interface NewEpochPartition {
  readonly partition: number;
  /** The first position of the new epoch. */
  readonly start: number;
  /** Events that only the topic has, and that are left behind. */
  readonly left: number;
  /** Events that the ledger had only lost, and that were taken back from the topic. */
  readonly taken: number;
}

/** What `beginEpoch` answers. */
export interface NewEpoch {
  readonly epoch: number;
  /** None if it only ended what an earlier call had begun. */
  readonly partitions: readonly NewEpochPartition[];
  readonly repair: Repair;
}
