import { sql, type Kysely } from 'kysely';
import { quote } from '../ledger/tables.js';
import { consumerTables } from './tables.js';

/** The first step of a consumer's schema. */
export async function createConsumerTables(db: Kysely<unknown>, schema: string): Promise<void> {
  const t = consumerTables(schema);
  const statements = [
    `create schema if not exists ${quote(schema)}`,
    `create table ${t.groups}(name text primary key, ledger_id uuid,
      created_at timestamptz not null default clock_timestamp())`,
    // `round` changes whenever somebody moves the position by hand. `resume_at` is the source's.
    `create table ${t.positions}(group_name text not null, partition smallint not null, epoch int,
      position bigint not null default 0 check (position >= 0), resume_at bigint,
      round int not null default 1, parked int not null default 0, applied_at timestamptz,
      trouble_code text, trouble text, trouble_epoch int, trouble_position bigint,
      primary key (group_name, partition)) with (fillfactor = 50)`,
    `create table ${t.parked}(group_name text not null, partition smallint not null,
      position bigint not null, job_id text not null, kind text not null, type text not null,
      event text not null, error text, attempts int not null,
      parked_at timestamptz not null default clock_timestamp(),
      primary key (group_name, partition, position))`,
    `create index on ${t.parked}(group_name, partition, job_id, position)`,
    `create table ${t.members}(id uuid primary key, scope text not null, host text not null, pid int not null,
      seen_at timestamptz not null default clock_timestamp()) with (fillfactor = 50)`,
    `create table ${t.shares}(scope text not null, partition smallint not null, owner uuid,
      lease_until timestamptz, primary key (scope, partition)) with (fillfactor = 50)`,
  ];
  await sql.raw(statements.join(';\n')).execute(db);
}
