import type { Database, Statement } from '../database.js';
import type { Log } from '../job/define.js';
import type { Tables } from './tables.js';
import type { Notifier } from './notifier.js';
import type { Signals } from './signals.js';
import type { Transitions } from './transitions.js';

/** Whether a ledger is written to, or is the copy of one that is filled from its topic. */
export type Role = 'primary' | 'mirror';

/**
 * An opened ledger as this folder sees it: where it is, how many partitions it has, which lock
 * guards each. The folder owns every table of the schema; it promises that a partition's positions
 * are dense and in commit order; it never runs a handler and never waits for a client while it
 * holds a partition's lock.
 */
export interface Store {
  readonly database: Database;
  readonly tables: Tables;
  readonly ledgerId: string;
  readonly partitions: number;
  /** What it was when it was asked last; see `refuseMirror`. */
  readonly role: { now: Role };
  /** First half of the advisory lock key; the partition is the second. */
  readonly lockSpace: number;
  /** LISTEN channel of this ledger. */
  readonly channel: string;
  /** Wakes of this process and, by LISTEN, of others. */
  readonly signals: Signals;
  /** Wakes for other processes. */
  readonly notifier: Notifier;
  /** What this process changed, for who wants to be told. */
  readonly transitions: Transitions;
  readonly log: Log;
  /** Milliseconds added to the database's clock; 0 but in tests. */
  readonly clockShiftMs: () => number;
}

const LOCKED = 'jobledger.locked';

/** The lock that every writer of a partition holds until it commits. Waits for it. */
export function lockPartition(store: Store, partition: number): Statement {
  return {
    name: 'jl_lock',
    text: `select pg_advisory_xact_lock($1::int, $2::int)::text, set_config('${LOCKED}', 'true', true)`,
    values: [store.lockSpace, partition],
  };
}

/** Builds a statement's text once per store and partition. */
export function perPartition(build: (store: Store, partition: number) => string) {
  const texts = new WeakMap<Store, string[]>();
  return (store: Store, partition: number): string => {
    let ofStore = texts.get(store);
    if (ofStore === undefined) texts.set(store, (ofStore = []));
    return (ofStore[partition] ??= build(store, partition));
  };
}

/** Takes the lock if it is free. What follows in the transaction asks by `isLocked` whether it was. */
export function tryLockPartition(store: Store, partition: number): Statement {
  return {
    name: 'jl_try_lock',
    text: `select set_config('${LOCKED}', pg_try_advisory_xact_lock($1::int, $2::int)::text, true) as locked`,
    values: [store.lockSpace, partition],
  };
}

/** Whether this transaction holds the lock of its partition: without it, nothing may be read or done. */
export const isLocked = `current_setting('${LOCKED}', true) = 'true'`;

/** Now, by the ledger's clock; `shift` is the parameter that carries the shift in milliseconds. */
export function clock(shift: string): string {
  return `(clock_timestamp() + ${shift}::float8 * interval '1 millisecond')`;
}

/** A timestamp as the edges show it: UTC, ISO 8601, microseconds. */
export function iso(timestamp: string): string {
  return `to_char(${timestamp} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

/**
 * The partition's head: its last position, and the time to record, which never steps back. One
 * index probe; valid only under the partition's lock.
 */
export function head(store: Store, partition: number, shift: string): string {
  return `head as materialized (
    select coalesce(max(position), 0) as head, greatest(${clock(shift)}, max(recorded_at)) as at
    from (select position, recorded_at from ${store.tables.eventsOf(partition)}
      where partition = ${partition} order by position desc limit 1) last)`;
}

/** The columns of an event, in the order that every insert lists them. */
export const EVENT_COLUMNS =
  'partition, position, stream_id, version, type, schema_version, kind, queue, data, meta, recorded_at';

/** The columns that a job keeps on its way from the line into a lease. */
export const CARRIED_COLUMNS =
  'job_id, position, payload_at, error_at, max_attempts, partition, priority, losses, queue, kind';
