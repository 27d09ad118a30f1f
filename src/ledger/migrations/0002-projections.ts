import { sql, type Kysely } from 'kysely';
import { tablesOf } from '../tables.js';

/** What builds of read models there are, how far each has come, and which jobs each has parked. */
export async function createProjections(db: Kysely<unknown>, schema: string): Promise<void> {
  const t = tablesOf(schema);
  const statements = [
    `create table ${t.projections}(id int generated always as identity primary key,
      name text not null, version int not null check (version > 0),
      table_name text not null unique, shown text not null,
      state text not null check (state in ('building', 'live', 'retired')),
      held boolean not null default false, wanted boolean not null default false, paused_at timestamptz, trouble text,
      owner uuid, fence bigint not null default 0, lease_until timestamptz,
      created_at timestamptz not null default clock_timestamp(), served_at timestamptz)
      with (fillfactor = 50)`,
    `create unique index on ${t.projections}(name) where state = 'live'`,
    `create table ${t.checkpoints}(build int not null references ${t.projections} on delete cascade,
      partition smallint not null, position bigint not null default 0,
      goal bigint, job_id uuid, folded bigint not null default 0,
      primary key (build, partition)) with (fillfactor = 50)`,
    `create table ${t.parked}(build int not null references ${t.projections} on delete cascade,
      job_id uuid not null, partition smallint not null, position bigint not null,
      event_type text not null, error text not null,
      parked_at timestamptz not null default clock_timestamp(), unpark_at timestamptz,
      primary key (build, job_id))`,
    `update ${t.ledger} set schema_version = 2`,
  ];
  await sql.raw(statements.join(';\n')).execute(db);
}
