import type { Statement } from '../../database.js';
import type { Place } from '../verify/dispatch-rows.js';
import type { Query } from '../verify/fold-partition.js';
import {
  insertLeases,
  insertReady,
  insertScheduled,
  type RunningJob,
  type TimedJob,
} from '../verify/insert-rows.js';
import { scopeName, type WrongKey } from '../verify/judge-keys.js';
import type { WrongRow } from '../verify/judge-rows.js';
import { lastPlace, newPlaces } from '../verify/sequences.js';
import type { Store } from '../store.js';
import { compareJoined, placesFor, type Settled } from './line-places.js';
import type { NewRow, PartitionPlan } from './plan.js';

/** Rows of one insert. */
const BATCH = 2_000;

/**
 * Carries a plan out, under the partition's lock under which it was made. Wrong rows go first: a
 * job's new row may stand in the same table. Keys that are missing are taken later, see `keys.ts`.
 */
export async function applyPlan(
  store: Store,
  query: Query,
  partition: number,
  plan: PartitionPlan,
): Promise<void> {
  for (const table of ['ready', 'scheduled', 'leases'] as const)
    await removeRows(
      store,
      query,
      table,
      plan.wrong.filter((one) => one.table === table),
    );
  await recordDead(store, query, plan.workers);
  for (const row of inBatches(await placed(store, query, plan.make, plan.settled)))
    await run(query, insertion(store, row));
  for (const wrong of inBatches(plan.keys.wrong)) await changeKeys(store, query, wrong);
  await query(
    `delete from ${store.tables.tallies} where partition = $1 and position = any($2::bigint[])`,
    [partition, plan.tallies],
  );
}

/** Nobody moves a row while the lock is held, so its address in the table stays. */
async function removeRows(
  store: Store,
  query: Query,
  table: Place,
  wrong: readonly WrongRow[],
): Promise<void> {
  if (wrong.length === 0) return;
  await query(`delete from ${store.tables[table]} where ctid = any($1::tid[])`, [
    wrong.map(({ row }) => row.tid),
  ]);
}

/** As dead workers of whom nothing else is known, whose attempts the reaper will decide. */
async function recordDead(
  store: Store,
  query: Query,
  workers: ReadonlyMap<number, string>,
): Promise<void> {
  if (workers.size === 0) return;
  await query(
    `insert into ${store.tables.workers}(id, host, pid, version, queues, kinds, lease_ms, beat_at,
        started_at, dead_at, end_reason)
      overriding system value
      select id, 'unknown', 0, 'unknown', '{}', '{}', 15000, at, at, clock_timestamp(), 'no record of it was left'
      from unnest($1::int[], $2::timestamptz[]) w(id, at) on conflict do nothing`,
    [[...workers.keys()], [...workers.values()]],
  );
}

type PlacedRow = NewRow & { readonly seq: number };

/** The same rows, each with its place in line; those that wait for a time need none. */
async function placed(
  store: Store,
  query: Query,
  rows: readonly NewRow[],
  settled: readonly Settled[],
): Promise<PlacedRow[]> {
  const newcomers = rows
    .filter(({ table, seq }) => table !== 'scheduled' && seq === undefined)
    .sort((one, other) => compareJoined(one.joined, other.joined));
  const most = settled.reduce((most, { seq }) => Math.max(most, seq), 0);
  const given = await lastPlace(store, query);
  const isShort = given - most < newcomers.length;
  const last = isShort ? await newPlaces(store, query, newcomers.length) : given;
  const joined = newcomers.map((row) => row.joined);
  const seqs = placesFor(joined, settled, last);
  const seqOf = new Map(newcomers.map((row, n) => [row, seqs[n]!]));
  return rows.map((row) => ({ ...row, seq: row.seq ?? seqOf.get(row) ?? 0 }));
}

function insertion(store: Store, rows: readonly PlacedRow[]): readonly Statement[] {
  const of = (table: Place) => rows.filter((row) => row.table === table);
  const states = (some: readonly PlacedRow[]) => some.map((row) => row.state);
  const [ready, scheduled, leases] = [of('ready'), of('scheduled'), of('leases')];
  const extras = leases.map(({ seq, joined }) => ({ seq, cancelAt: joined.cancelAt }));
  return [
    ...(ready.length > 0
      ? [
          insertReady(
            store,
            states(ready),
            ready.map(({ seq }) => seq),
          ),
        ]
      : []),
    ...(scheduled.length > 0 ? [insertScheduled(store, states(scheduled) as TimedJob[])] : []),
    ...(leases.length > 0 ? [insertLeases(store, states(leases) as RunningJob[], extras)] : []),
  ];
}

async function run(query: Query, statements: readonly Statement[]): Promise<void> {
  for (const { text, values } of statements) await query(text, values);
}

/** A job that has come into the inbox meanwhile keeps its key. */
async function changeKeys(store: Store, query: Query, wrong: readonly WrongKey[]): Promise<void> {
  const { uniqueKeys, inbox } = store.tables;
  const of = (name: 'tenant' | 'kind' | 'key' | 'job_id') => wrong.map(({ row }) => row[name]);
  const owners = wrong.map(({ owner }) => owner);
  await query(
    `with wrong as materialized (
      select u.ctid as tid, w.own, w.own_scope, w.own_ms
      from unnest($1::text[], $2::text[], $3::text[], $4::uuid[], $5::boolean[], $6::text[], $7::float8[], $8::boolean[])
        w(tenant, kind, key, job_id, own, own_scope, own_ms, in_inbox)
      cross join lateral (select ctid from ${uniqueKeys} u where u.tenant = w.tenant and u.kind = w.kind
        and u.key = w.key and u.job_id = w.job_id offset 0) u
      where w.in_inbox or not exists (select from ${inbox} i
        where i.job_id = w.job_id and i.sort <> 'duplicate')),
    gone as (delete from ${uniqueKeys} where ctid = any(array(select tid from wrong where not own)))
    update ${uniqueKeys} u set scope = own_scope, expires_at = to_timestamp(own_ms / 1000)
      from wrong where u.ctid = wrong.tid and own`,
    [
      of('tenant'),
      of('kind'),
      of('key'),
      of('job_id'),
      owners.map((owner) => owner !== undefined),
      owners.map((owner) => (owner === undefined ? null : scopeName(owner.scope))),
      owners.map((owner) => owner?.expiresMs ?? null),
      wrong.map(({ row }) => row.in_inbox),
    ],
  );
}

function* inBatches<T>(all: readonly T[]): Iterable<readonly T[]> {
  for (let at = 0; at < all.length; at += BATCH) yield all.slice(at, at + BATCH);
}
