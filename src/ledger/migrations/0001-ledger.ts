import { sql, type Kysely } from 'kysely';
import { EVENT_TYPES } from '../../job/events.js';
import { quote, tablesOf } from '../tables.js';

/** The ledger and its dispatch tables. `partitions` is permanent. */
export async function createLedger(
  db: Kysely<unknown>,
  schema: string,
  partitions: number,
): Promise<void> {
  const compression = (await hasLz4(db)) ? 'compression lz4' : '';
  const statements = [
    ...ledgerTables(schema, partitions),
    ...eventTables(schema, partitions, compression),
    ...dispatchTables(schema),
    ...workerTables(schema),
  ];
  // In one message: hundreds of round trips would leave the session idle in its transaction.
  await sql.raw(statements.join(';\n')).execute(db);
}

/**
 * Compressing a payload of 10 KiB by the default method costs more than everything else about its
 * enqueue. Not every server is built with the other one.
 */
async function hasLz4(db: Kysely<unknown>): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`select 'lz4' = any(enumvals) as has
    from pg_settings where name = 'default_toast_compression'`.execute(db);
  return rows[0]?.has === true;
}

function ledgerTables(schema: string, partitions: number): string[] {
  const t = tablesOf(schema);
  return [
    `create table ${t.ledger}(
      singleton boolean primary key default true check (singleton),
      id uuid not null default gen_random_uuid(),
      partitions smallint not null check (partitions between 1 and 256),
      epoch int not null default 1,
      schema_version int not null,
      oldest_program int not null,
      created_at timestamptz not null default clock_timestamp())`,
    `insert into ${t.ledger}(partitions, schema_version, oldest_program) values (${partitions}, 1, 1)`,
  ];
}

function eventTables(schema: string, partitions: number, compression: string): string[] {
  const t = tablesOf(schema);
  const refuse = `${quote(schema)}.refuse_change`;
  const statements = [
    `create type ${t.eventType} as enum (${EVENT_TYPES.map((type) => `'${type}'`).join(', ')})`,
    `create table ${t.events}(
      partition smallint not null, position bigint not null check (position > 0),
      stream_id uuid not null, version int not null check (version > 0),
      type ${t.eventType} not null, schema_version smallint not null,
      kind text not null, queue text not null,
      data jsonb ${compression} not null, meta jsonb not null,
      recorded_at timestamptz not null,
      primary key (partition, position)) partition by list (partition)`,
    `create function ${refuse}() returns trigger language plpgsql as
      $$ begin raise exception 'jobledger: events are never changed or removed'; end $$`,
    `create trigger immutable before update or delete on ${t.events}
      for each row execute function ${refuse}()`,
    `create trigger never_truncated before truncate on ${t.events}
      for each statement execute function ${refuse}()`,
  ];
  for (let partition = 0; partition < partitions; partition++) {
    const table = t.eventsOf(partition);
    statements.push(
      `create table ${table} partition of ${t.events} for values in (${partition})`,
      `create unique index on ${table}(stream_id, version)`,
      // A parent's truncate trigger does not fire when its child is truncated.
      `create trigger never_truncated before truncate on ${table}
        for each statement execute function ${refuse}()`,
    );
  }
  return statements;
}

/** What every dispatch row says of its job; wide columns first, so that rows pack tightly. */
const JOB_COLUMNS = `
  job_id uuid not null, position bigint not null, payload_at bigint, error_at bigint,
  attempt int not null, counted int not null check (counted between 0 and attempt),
  max_attempts int not null check (max_attempts > 0), version int not null check (version > 0),
  partition smallint not null, priority smallint not null, losses smallint not null default 0,
  queue text not null, kind text not null`;

/** These tables live by insert and delete: vacuum early, and leave no work for later. */
const CHURN = `with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_threshold = 2000,
  autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0.5)`;

function dispatchTables(schema: string): string[] {
  const t = tablesOf(schema);
  return [
    `create sequence ${t.readySeq}`,
    `create table ${t.ready}(seq bigint not null default nextval('${t.readySeq.replaceAll("'", "''")}'),
      ${JOB_COLUMNS}, primary key (partition, queue, kind, priority, seq)) ${CHURN}`,
    `create unique index on ${t.ready}(job_id)`,
    `create table ${t.scheduled}(run_at timestamptz not null, ${JOB_COLUMNS},
      state text not null check (state in ('scheduled', 'retrying')),
      primary key (partition, run_at, job_id)) ${CHURN}`,
    `create unique index on ${t.scheduled}(job_id)`,
    `create table ${t.leases}(seq bigint not null, claim bigint not null, worker int not null,
      claimed_at timestamptz not null, cancel_at timestamptz, ${JOB_COLUMNS},
      primary key (worker, claim, job_id)) ${CHURN}`,
    `create index on ${t.leases}(cancel_at) where cancel_at is not null`,
    `create table ${t.uniqueKeys}(tenant text not null, kind text not null, key text not null,
      job_id uuid not null, scope text not null check (scope in ('active', 'forever', 'within')),
      expires_at timestamptz, primary key (tenant, kind, key),
      check ((scope = 'within') = (expires_at is not null)))`,
    `create index on ${t.uniqueKeys}(job_id)`,
    inboxTable(t.inbox),
    `create index on ${t.inbox}(job_id)`,
    `create table ${t.tallies}(partition smallint not null, position bigint not null,
      queue text not null, kind text not null, enqueued bigint not null, succeeded bigint not null,
      failed bigint not null, canceled bigint not null, discarded bigint not null,
      primary key (partition, position, queue, kind))`,
  ];
}

/**
 * Loose on purpose: a row that cannot become an event is set aside where it is, with its error,
 * and never refused to the transaction that wrote it.
 */
function inboxTable(inbox: string): string {
  return `create table ${inbox}(
    id bigint generated always as identity primary key,
    sort text not null default 'enqueue',
    job_id uuid not null default gen_random_uuid(),
    kind text, payload jsonb, queue text, priority int, run_at timestamptz, delay_ms float8,
    max_attempts int, timeout_ms float8, retry jsonb, metadata jsonb,
    tenant text, principal text, correlation_id text, causation_id text, actor text,
    unique_key text, unique_scope text, unique_within_ms float8, unique_held boolean not null default false,
    data jsonb, meta jsonb,
    created_at timestamptz not null default clock_timestamp(),
    set_aside_at timestamptz, error text)`;
}

function workerTables(schema: string): string[] {
  const t = tablesOf(schema);
  return [
    `create table ${t.workers}(
      id int generated always as identity primary key,
      host text not null, pid int not null, version text not null,
      queues text[] not null, kinds text[] not null, lease_ms float8 not null, retry jsonb,
      beat bigint not null default 0, beat_at timestamptz not null default clock_timestamp(),
      started_at timestamptz not null default clock_timestamp(),
      dead_at timestamptz, ended_at timestamptz, end_reason text) with (fillfactor = 50)`,
    `create index on ${t.workers}(id) where dead_at is null and ended_at is null`,
    `create table ${t.leaders}(role text primary key, worker int not null, token bigint not null,
      expires_at timestamptz not null) with (fillfactor = 50)`,
  ];
}
