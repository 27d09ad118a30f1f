import { failedStatement, transact, type Statement } from '../../database.js';
import { LedgerError } from '../../errors.js';
import type { UniqueScope } from '../../job/events.js';
import { isLockTimeout, isRetryableConflict } from '../../sql-errors.js';
import { enqueueStatement, type Gate, type NewJob } from '../enqueue/enqueue-statement.js';
import type { Flushed } from '../enqueue/flushed.js';
import type { Prepared } from '../enqueue/prepare.js';
import { lockPartition, type Store } from '../store.js';

/** A job with the key that it wants. */
export interface KeyedJob extends NewJob {
  readonly tenant: string;
  readonly key: string;
  readonly scope: UniqueScope;
}

export interface KeyedResult {
  readonly head: number;
  readonly at: string;
  /** The jobs that got their keys, in the order of their positions. */
  readonly ids: readonly string[];
}

/**
 * Takes the keys, then the partition's lock, then appends the jobs that got theirs. In that order:
 * an insert of a key waits for a stranger's open transaction that holds it, and nobody may wait for
 * a stranger under a partition's lock. Keys are taken in sorted order, so that two flushes cannot
 * wait for each other. Who already has his key from an earlier try is no duplicate of himself. A job
 * of the inbox takes its key only while its row is there: a row that was moved meanwhile appends no
 * event, and a key without an event would never be free again.
 */
export async function appendKeyed(
  store: Store,
  partition: number,
  jobs: readonly KeyedJob[],
  gate: Gate = { by: 'key' },
  waitMs?: number,
): Promise<KeyedResult> {
  await freeExpired(store, jobs);
  const patience = waitMs === undefined ? [] : [lockTimeout(`${waitMs}ms`)];
  const usual = waitMs === undefined ? [] : [lockTimeout('2s')];
  const inboxIds = 'inboxIds' in gate ? gate.inboxIds : undefined;
  const taking = [...patience, takeKeys(store, jobs, inboxIds), ...usual];
  try {
    const results = await transact(store.database, [
      ...taking,
      lockPartition(store, partition),
      enqueueStatement(store, partition, jobs, gate),
    ]);
    return results.at(-1)!.rows[0] as KeyedResult;
  } catch (error) {
    const onKeys = (failedStatement(error) ?? taking.length) < taking.length;
    if (onKeys && (isLockTimeout(error) || isRetryableConflict(error)))
      throw keyBusy(jobs[0]!.key, error);
    throw error;
  }
}

/** The job that has a key, or undefined if it has become free. */
export async function holderOf(
  store: Store,
  key: Pick<KeyedJob, 'tenant' | 'kind' | 'key'>,
): Promise<string | undefined> {
  const result = await store.database.pool.query<{ id: string }>({
    text: `select job_id as id from ${store.tables.uniqueKeys} where tenant = $1 and kind = $2 and key = $3`,
    values: [key.tenant, key.kind, key.key],
  });
  return result.rows[0]?.id;
}

/**
 * Takes keys in sorted order; a key that somebody has is passed over. Jobs of the inbox take theirs
 * only if their rows are there, which stay locked until the transaction ends.
 */
export function takeKeys(
  store: Store,
  jobs: readonly KeyedJob[],
  inboxIds?: readonly number[],
): Statement {
  const within = (scope: UniqueScope) => (typeof scope === 'object' ? scope.withinMs : null);
  const [before, where] = inboxIds === undefined ? ['', ''] : stillThere(store);
  return {
    text: `${before}insert into ${store.tables.uniqueKeys}(tenant, kind, key, job_id, scope, expires_at)
      select tenant, kind, key, id, scope,
        clock_timestamp() + ($7::float8 + within_ms) * interval '1 millisecond'
      from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::text[], $6::float8[])
        k(tenant, kind, key, id, scope, within_ms)${where}
      order by tenant, kind, key, id on conflict do nothing returning job_id`,
    values: [
      ...keyColumns(jobs),
      jobs.map((job) => job.id),
      jobs.map((job) => (typeof job.scope === 'object' ? 'within' : job.scope)),
      jobs.map((job) => within(job.scope)),
      store.clockShiftMs(),
      ...(inboxIds === undefined ? [] : [inboxIds]),
    ],
  };
}

function stillThere(store: Store): [string, string] {
  return [
    `with there as materialized (select job_id from ${store.tables.inbox}
      where id = any($8::bigint[]) and sort <> 'duplicate' and set_aside_at is null
      for update skip locked) `,
    ' where id = any(array(select job_id from there))',
  ];
}

/** Removes keys whose time is over; in a transaction of its own, since a delete may wait. */
export function freeExpiredStatement(store: Store, jobs: readonly KeyedJob[]): Statement {
  return {
    text: `delete from ${store.tables.uniqueKeys} where ctid = any(array(
      select u.ctid from unnest($1::text[], $2::text[], $3::text[]) k(tenant, kind, key)
      cross join lateral (select ctid from ${store.tables.uniqueKeys} u
        where u.tenant = k.tenant and u.kind = k.kind and u.key = k.key
          and u.expires_at <= clock_timestamp() + $4::float8 * interval '1 millisecond'
        for update skip locked offset 0) u))`,
    values: [...keyColumns(jobs), store.clockShiftMs()],
  };
}

/** The error for a key that an open transaction has kept from us for too long. */
export function keyBusy(key: string, cause: unknown): LedgerError {
  return new LedgerError(
    'UNIQUE_KEY_BUSY',
    `unique.key: an open transaction holds ${JSON.stringify(key)}; try again when it has ended`,
    { cause },
  );
}

/** A prepared job as the key statements take it. */
export function toKeyedJob(prepared: Prepared, id: string): KeyedJob {
  const { tenant, key, scope } = prepared.unique!;
  return { ...prepared, id, tenant, key, scope };
}

/** The answer to who asked for a job that is there: that job, or an error if he wanted one. */
export function refuseOrReturn(prepared: Prepared, holder: string): Flushed {
  const { key, onConflict } = prepared.unique!;
  if (onConflict === 'return') return { id: holder, created: false };
  const message = `unique.key: ${JSON.stringify(key)} is taken by job ${holder}`;
  return { error: new LedgerError('UNIQUE_KEY_TAKEN', message, { jobId: holder }) };
}

function lockTimeout(value: string): Statement {
  return { text: `select set_config('lock_timeout', $1, true)`, values: [value] };
}

async function freeExpired(store: Store, jobs: readonly KeyedJob[]): Promise<void> {
  await store.database.pool.query(freeExpiredStatement(store, jobs));
}

function keyColumns(jobs: readonly KeyedJob[]): string[][] {
  return [jobs.map((job) => job.tenant), jobs.map((job) => job.kind), jobs.map((job) => job.key)];
}
