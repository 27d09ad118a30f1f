import type { UniqueScope } from '../../job/events.js';
import type { Query } from './fold-partition.js';
import { iso, type Store } from '../store.js';

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
  /** Whether its job is in the inbox: that is truth as well. */
  readonly in_inbox: boolean;
}

/** A row of the inbox whose transaction took its unique key. */
export interface AcceptedKey {
  readonly job_id: string;
  readonly tenant: string;
  readonly kind: string;
  readonly key: string;
  readonly scope: UniqueScope;
  readonly created_at: string;
}

export interface DispatchRows {
  readonly ready: readonly DispatchRow[];
  readonly scheduled: readonly DispatchRow[];
  readonly leases: readonly DispatchRow[];
  readonly keys: readonly KeyRow[];
  readonly accepted: readonly AcceptedKey[];
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
    ...(await readKeys(store, query, partition)),
  };
  const known = await query(`select id from ${workers} where id = any($1::int[])`, [
    [...new Set(holders)],
  ]);
  return { ...rows, workers: new Set((known.rows as { id: number }[]).map(({ id }) => id)) };
}

/** Keys and inbox in one statement: a job leaves the inbox, or comes with its key, in one transaction. */
async function readKeys(
  store: Store,
  query: Query,
  partition: number,
): Promise<Pick<DispatchRows, 'keys' | 'accepted'>> {
  const { uniqueKeys, inbox } = store.tables;
  const isOwn = `${partitionOfId('job_id', '$1')} = $2`;
  const { rows } = await query(
    `select false as accepted, job_id, tenant, kind, key, scope, null::jsonb as log_scope, null as created_at,
      extract(epoch from expires_at)::float8 * 1000 as expires_ms,
      exists (select from ${inbox} i where i.job_id = k.job_id and i.sort <> 'duplicate') as in_inbox
    from ${uniqueKeys} k where ${isOwn}
    union all select true, job_id, coalesce(tenant, ''), kind, unique_key, null, data->'unique'->'scope',
      ${iso('created_at')}, null, true
    from ${inbox} where sort = 'prepared' and unique_held and unique_key is not null
      and set_aside_at is null and ${isOwn}`,
    [store.partitions, partition],
  );
  const all = rows as (KeyRow & {
    accepted: boolean;
    log_scope: UniqueScope;
    created_at: string;
  })[];
  return {
    keys: all.filter(({ accepted }) => !accepted),
    accepted: all
      .filter(({ accepted }) => accepted)
      .map(({ log_scope: scope, ...row }) => ({ ...row, scope })),
  };
}

/** The partition that a job's id names, in SQL; see `partitionOf`. */
export function partitionOfId(id: string, partitions: string): string {
  return `get_byte(uuid_send(${id}), 15) % ${partitions}::int`;
}
