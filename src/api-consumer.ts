import type { ClientBase } from 'pg';
import type { DatabaseOption } from './api.js';
import type { KafkaOptions } from './api-kafka.js';
import type { Log } from './job/define.js';
import type { RecordedEvent } from './job/events.js';
import type { RetryPolicy } from './job/retry.js';

/** What a handler of events is told beside the event. */
export interface EventContext {
  /**
   * A connection in the transaction that also moves the position: what is written through it takes
   * effect exactly once. Await its queries; never commit it, and never keep it.
   */
  readonly transaction: ClientBase;
  /** 1 for the first try of this event, then one more after each failure. */
  readonly attempt: number;
  /** Aborts when the event takes too long, and when the consumer stops and has waited long enough. */
  readonly signal: AbortSignal;
}

/** Does something with an event. One that throws is tried again, then the event is parked. */
export type EventHandler = (event: RecordedEvent, context: EventContext) => unknown;

/**
 * Where to read from: the first event, behind the last one, the first event that was recorded at a
 * time (a Date or ISO 8601 text) or later, or behind positions by partition (`{ 3: 120 }`: the next
 * one is 121; a partition that is not named is read from its start).
 */
export type ConsumeFrom =
  | 'start'
  | 'end'
  | { readonly at: Date | string }
  | { readonly positions: Readonly<Record<number, number>> };

/** Options of `consumeEvents`. */
export interface ConsumerOptions {
  /** What it is for, 1 to 255 bytes. Members of one group share the events; each group gets them all. */
  readonly group: string;
  readonly handler: EventHandler;
  /** Where a group without positions begins; `'start'` unless said. */
  readonly from?: ConsumeFrom;
  /** The consumer's own database: a Postgres URL, a pg configuration, or `{ embedded: folder }`. */
  readonly database: DatabaseOption;
  /** Schema of the consumer's tables there; `jobledger_consumers` unless said. */
  readonly schema?: string;
  /** Makes or updates those tables at start. False unless said, but for an embedded database. */
  readonly migrate?: boolean;
  /** Where the topic is. */
  readonly kafka?: KafkaOptions;
  /** The ledger's database: to read from, or only to fill gaps of the topic. */
  readonly ledger?: DatabaseOption;
  /** The ledger's schema; `jobledger` unless said. */
  readonly ledgerSchema?: string;
  /** Where events are read; `'kafka'` if `kafka` is given, else `'postgres'`. */
  readonly source?: 'kafka' | 'postgres';
  /** Only events of these types; the position passes by the others. */
  readonly types?: readonly string[];
  /** Only events of these kinds of job. */
  readonly kinds?: readonly string[];
  /** Only events of these queues. */
  readonly queues?: readonly string[];
  /** How often an event is tried before it is parked, 1 to 32,767; 5 unless said. */
  readonly maxAttempts?: number;
  /** Delays between these tries; 500 ms doubling to 30 s, full jitter, unless said. */
  readonly backoff?: Partial<Pick<RetryPolicy, 'type' | 'baseMs' | 'capMs' | 'jitter'>>;
  /** Milliseconds that the handler may take for an event, 1 ms to 24 days; one minute unless said. */
  readonly timeoutMs?: number;
  /** Partitions that this process works on at a time, a connection for each; 8 unless said. */
  readonly concurrency?: number;
  /** A pino-like logger, or false for none. Its own, on stderr, unless said. */
  readonly logger?: Log | false;
}

/** Why a partition stands still. Others go on. */
export interface ConsumerTrouble {
  readonly code: 'EVENT_GAP' | 'NEW_EPOCH' | 'OTHER_LEDGER' | 'BAD_TOPIC';
  readonly message: string;
}

/** How far a group has come in a partition. */
export interface ConsumerPosition {
  readonly partition: number;
  /** The epoch of the last event; null before the first. */
  readonly epoch: number | null;
  /** The last event whose effect is done, or that is parked; 0 before the first. */
  readonly position: number;
  /** Events that are there and not yet done; null where the source cannot tell. */
  readonly lagEvents: number | null;
  /** Events set aside. */
  readonly parked: number;
  readonly trouble: ConsumerTrouble | null;
}

/** An event that was set aside: its handler failed, or it stands behind such a one of its job. */
export interface ParkedEvent {
  readonly partition: number;
  readonly position: number;
  readonly jobId: string;
  readonly kind: string;
  readonly type: string;
  /** What the handler threw; null for an event behind such a one. */
  readonly error: string | null;
  readonly attempts: number;
  /** UTC, ISO 8601, microseconds. */
  readonly parkedAt: string;
}

/** Which parked events; all of them if nothing is said. */
export interface ParkedFilter {
  readonly jobId?: string;
  readonly partition?: number;
}

/** What came of `unpark`. */
export interface Unparked {
  /** Events whose effect is done now. */
  readonly applied: number;
  /** Jobs whose next event failed again, and that stay parked. */
  readonly failed: readonly string[];
}

/** What a reset did to a partition: effects of the events from `start` to `position` are to be undone. */
export interface EpochReset {
  readonly partition: number;
  /** The epoch that it is in now. */
  readonly epoch: number;
  /** The position at which that epoch begins, and where reading goes on. */
  readonly start: number;
  /** Where reading had come in the epoch before. */
  readonly position: number;
}

/** Reads a ledger's events from this process. See `consumeEvents`. */
export interface EventConsumer extends AsyncDisposable {
  /**
   * Finds where to go on, then reads what is there and what comes. Harmless if called twice. Throws
   * `NOT_MIGRATED`, `OTHER_LEDGER`, `BAD_TOPIC`, `STORE_UNREACHABLE`, `BROKER_UNREACHABLE`.
   */
  start(): Promise<void>;
  /** Ends after the event in hand; other members go on. Harmless if called twice. */
  stop(): Promise<void>;
  /** How far the group has come, by partition; of all its members. */
  status(): Promise<readonly ConsumerPosition[]>;
  /**
   * Goes on from another place, of all partitions or of those in `positions`: effects of events that are
   * read again are done again. Parked events behind the new place are dropped, since they come again.
   */
  seek(to: ConsumeFrom): Promise<void>;
  /** Events set aside, in order, at most 1,000. */
  parked(filter?: ParkedFilter): Promise<readonly ParkedEvent[]>;
  /** Runs parked events again, in order, here and now; a job whose event fails stays parked. */
  unpark(filter?: ParkedFilter): Promise<Unparked>;
  /** Takes partitions that stand before a new epoch into it. */
  reset(): Promise<readonly EpochReset[]>;
}
