import { sql, type Kysely } from 'kysely';
import { tablesOf } from '../tables.js';

/** What read models there are, in which versions, and how far each has come. */
export async function createProjections(db: Kysely<unknown>, schema: string): Promise<void> {
  const t = tablesOf(schema);
  const statements = [
    `create table ${t.projections}(name text not null, version int not null check (version > 0),
      state text not null check (state in ('building', 'live', 'retired')),
      owner uuid, fence bigint not null default 0, lease_until timestamptz,
      created_at timestamptz not null default clock_timestamp(),
      primary key (name, version)) with (fillfactor = 50)`,
    `create unique index on ${t.projections}(name) where state = 'live'`,
    `create table ${t.checkpoints}(name text not null, version int not null, partition smallint not null,
      position bigint not null default 0, primary key (name, version, partition),
      foreign key (name, version) references ${t.projections} on delete cascade) with (fillfactor = 50)`,
    `update ${t.ledger} set schema_version = 2`,
  ];
  await sql.raw(statements.join(';\n')).execute(db);
}
