import type { Query } from './fold-partition.js';
import { iso, type Store } from './store.js';

/** The tables that have one row for each job that has not ended. */
export const PLACES = ['ready', 'scheduled', 'leases'] as const;
export type Place = (typeof PLACES)[number];

/** A dispatch row as the database gives it. */
export interface DispatchRow {
  readonly tid: string;
  readonly job_id: string;
  readonly position: number;
  readonly payload_at: number | null;
  readonly error_at: number | null;
  readonly attempt: number;
  readonly counted: number;
  readonly max_attempts: number;
  readonly version: number;
  readonly priority: number;
  readonly losses: number;
  readonly queue: string;
  readonly kind: string;
  readonly seq?: number;
  readonly state?: string;
  readonly run_at_iso?: string;
  readonly worker?: number;
  readonly claim?: number;
  readonly cancel_at_iso?: string | null;
}

/** A unique key that is held. */
export interface KeyRow {
  readonly job_id: string;
  readonly tenant: string;
  readonly kind: string;
  readonly key: string;
  readonly scope: string;
  /** Until when, in milliseconds since 1970. */
  readonly expires_ms: number | null;
  /** Whether a row of the inbox stands for it: that is truth as well. */
  readonly in_inbox: boolean;
}

export interface DispatchRows {
  readonly ready: readonly DispatchRow[];
  readonly scheduled: readonly DispatchRow[];
  readonly leases: readonly DispatchRow[];
  readonly keys: readonly KeyRow[];
  /** Ids of all workers on record that have a lease here, or had one by what was asked for. */
  readonly workers: ReadonlySet<number>;
}

/** All dispatch rows of a partition, the keys of its jobs, and which of these workers are on record. */
export async function readDispatch(
  store: Store,
  query: Query,
  partition: number,
  holders: Iterable<number>,
): Promise<DispatchRows> {
  const { ready, scheduled, leases, workers } = store.tables;
  const of = async (table: string, more = '') =>
    (
      await query(`select *, ctid::text as tid${more} from ${table} where partition = $1`, [
        partition,
      ])
    ).rows as DispatchRow[];
  const rows = {
    ready: await of(ready),
    scheduled: await of(scheduled, `, ${iso('run_at')} as run_at_iso`),
    leases: await of(leases, `, ${iso('cancel_at')} as cancel_at_iso`),
    keys: await readKeys(store, query, partition),
  };
  const known = await query(`select id from ${workers} where id = any($1::int[])`, [
    [...new Set(holders)],
  ]);
  return { ...rows, workers: new Set((known.rows as { id: number }[]).map(({ id }) => id)) };
}

/** Keys and inbox in one statement: a row moves from one to the other's side in one transaction. */
async function readKeys(store: Store, query: Query, partition: number): Promise<KeyRow[]> {
  const { uniqueKeys, inbox } = store.tables;
  const { rows } = await query(
    `select job_id, tenant, kind, key, scope, extract(epoch from expires_at)::float8 * 1000 as expires_ms,
      exists (select from ${inbox} i where i.job_id = k.job_id) as in_inbox
    from ${uniqueKeys} k where ${partitionOfId('job_id', '$1')} = $2`,
    [store.partitions, partition],
  );
  return rows as KeyRow[];
}

/** The partition that a job's id names, in SQL; see `partitionOf`. */
export function partitionOfId(id: string, partitions: string): string {
  return `get_byte(uuid_send(${id}), 15) % ${partitions}::int`;
}
