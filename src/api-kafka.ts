import type { ConnectionOptions } from 'node:tls';

/** How to log in to the brokers. */
export interface KafkaLogin {
  readonly mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512';
  readonly username: string;
  readonly password: string;
}

/**
 * Which brokers, and which topic there. `ssl` and `sasl` are what kafkajs takes.
 *
 * @example
 * const kafka = { brokers: ['kafka-1:9092', 'kafka-2:9092'], topic: 'billing.jobs' };
 */
export interface KafkaOptions {
  /** Addresses like `host:9092`; one that answers is enough. */
  readonly brokers: readonly string[];
  /** The ledger's topic; `jobledger.events` unless said. */
  readonly topic?: string;
  readonly ssl?: boolean | ConnectionOptions;
  readonly sasl?: KafkaLogin | Readonly<Record<string, unknown>>;
  /** `jobledger` unless said. */
  readonly clientId?: string;
}

/** Options of `Ledger.relay`. */
export interface RelayOptions {
  readonly kafka: KafkaOptions;
  /** Publish to a topic that forgets (finite retention), which restores no ledger. */
  readonly mayForget?: boolean;
  /**
   * How long a relay that says nothing keeps its partitions, in milliseconds, 1,000 to 600,000; 15,000
   * unless said. Only how soon another one goes on depends on it.
   */
  readonly leaseMs?: number;
}

/** Publishes the ledger from this process. See `Ledger.relay`. */
export interface LedgerRelay extends AsyncDisposable {
  /**
   * Makes the topic or checks it, then publishes what is there and what comes. Brokers that are away are
   * waited for. Harmless if called twice. Throws `BAD_TOPIC`.
   */
  start(): Promise<void>;
  /** Ends after the batch in hand; other relays go on at once. Harmless if called twice. */
  stop(): Promise<void>;
  /**
   * Publishes what the ledger holds by now, without `start`; gives how many events were sent. Throws
   * `BAD_TOPIC`, `BROKER_UNREACHABLE`, and what keeps a partition: `TOPIC_AHEAD`, `TOPIC_DIVERGED`.
   */
  catchUp(): Promise<number>;
}

/** How far the ledger is published to a topic. */
export interface PublicationStatus {
  readonly topic: string;
  /** Events that the topic is known to have, and events in the log. */
  readonly events: number;
  readonly of: number;
  /** Events not published yet. */
  readonly lagEvents: number;
  /** How long ago the first of them was recorded, in seconds; 0 if there is none. */
  readonly lagSeconds: number;
  /** Relays that were there within the last 15 s. */
  readonly relays: number;
  readonly partitions: readonly PublishedPartition[];
}

/** One partition of it. */
export interface PublishedPartition {
  readonly partition: number;
  /** The last position that the topic is known to have, and the last of the log. */
  readonly position: number;
  readonly head: number;
  /** `host/pid` of the relay that has it, or null. */
  readonly relay: string | null;
  /** How often somebody took it over, also after an error of his own. */
  readonly takeovers: number;
  /** UTC; null if nothing was published yet. */
  readonly publishedAt: string | null;
  /** What keeps it from going on, in one line, or null. */
  readonly trouble: string | null;
}

/** Where an epoch begins in a partition. */
export interface EpochStart {
  readonly epoch: number;
  readonly partition: number;
  readonly start: number;
  readonly actor: string;
  readonly reason: string;
  readonly begunAt: string;
}

/** Events of a partition that are the same in ledger and topic, and the SHA-256 of their texts. */
export interface TopicRange {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly digest: string;
}

/** The first place of a partition at which topic and ledger are not the same. */
export interface TopicDifference {
  readonly partition: number;
  readonly position: number;
  readonly text: string;
}

/** What `verify` says of the topic. */
export interface TopicVerification {
  readonly topic: string;
  readonly verified: boolean;
  /** Events that are the same. */
  readonly events: number;
  /** Events that are not published yet. */
  readonly lagEvents: number;
  readonly ranges: readonly TopicRange[];
  readonly differences: readonly TopicDifference[];
}
