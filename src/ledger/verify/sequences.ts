import type { Query } from './fold-partition.js';
import type { Store } from '../store.js';

/** What stands first in line and last on record, and where the counters behind them stand. */
interface Counters {
  readonly line: { readonly last: number; readonly next: number };
  readonly workers: { readonly last: number; readonly next: number };
}

/** A counter that would give a number again. */
export interface LateSequence {
  readonly name: 'ready_seq' | 'workers';
  /** The highest number that was given. */
  readonly last: number;
  readonly text: string;
}

/**
 * Counters that are behind what they have given: a place in line again would fail or let a newcomer
 * pass, and a worker's id is never used again. `lastWorker` is the highest id in the log.
 */
export async function lateSequences(
  store: Store,
  query: Query,
  lastWorker: number,
): Promise<LateSequence[]> {
  const { line, workers } = await readCounters(store, query);
  const worker = Math.max(workers.last, lastWorker);
  const late: LateSequence[] = [];
  if (line.next < line.last) {
    const text = `the next place in line would be ${line.next + 1}, but ${line.last} is taken`;
    late.push({ name: 'ready_seq', last: line.last, text });
  }
  if (workers.next < worker) {
    const text = `the next worker would be ${workers.next + 1}, but there was a worker ${worker}`;
    late.push({ name: 'workers', last: worker, text });
  }
  return late;
}

async function readCounters(store: Store, query: Query): Promise<Counters> {
  const { ready, readySeq, leases, workers } = store.tables;
  const { rows } = await query(
    `select (select coalesce(max(seq), 0) from ${ready}) as ready, (select coalesce(max(seq), 0) from ${leases}) as leases,
      (select coalesce(max(id), 0) from ${workers}) as worker,
      coalesce(pg_sequence_last_value($1::regclass), 0) as "nextLine",
      coalesce(pg_sequence_last_value(pg_get_serial_sequence($2, 'id')::regclass), 0) as "nextWorker"`,
    [readySeq, workers],
  );
  const row = rows[0] as { [name: string]: number };
  return {
    line: { last: Math.max(row['ready']!, row['leases']!), next: row['nextLine']! },
    workers: { last: row['worker']!, next: row['nextWorker']! },
  };
}

/** Moves a counter on, so that its next number is a new one. It never goes back. */
export async function advance(store: Store, query: Query, late: LateSequence): Promise<void> {
  const { readySeq, workers } = store.tables;
  const sequence = late.name === 'workers' ? `pg_get_serial_sequence($1, 'id')` : '$1';
  await query(`select setval(${sequence}::regclass, $2::bigint)`, [
    late.name === 'workers' ? workers : readySeq,
    late.last,
  ]);
}

/** The last place in line after so many new ones, which are the caller's alone. */
export async function newPlaces(store: Store, query: Query, count: number): Promise<number> {
  const { rows } = await query(
    `select coalesce(max(nextval($1::regclass)), 0) as last from generate_series(1, $2::int)`,
    [store.tables.readySeq, count],
  );
  return (rows[0] as { last: number }).last;
}

/** The last place in line that was given. */
export async function lastPlace(store: Store, query: Query): Promise<number> {
  const { rows } = await query(`select coalesce(pg_sequence_last_value($1::regclass), 0) as last`, [
    store.tables.readySeq,
  ]);
  return (rows[0] as { last: number }).last;
}
