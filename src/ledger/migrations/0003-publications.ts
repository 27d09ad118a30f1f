import { sql, type Kysely } from 'kysely';
import { tablesOf } from '../tables.js';

/**
 * Who publishes which partition to which topic and how far it has come; where the epochs begin; and
 * whether this ledger is one that is written to or the copy of another.
 */
export async function createPublications(db: Kysely<unknown>, schema: string): Promise<void> {
  const t = tablesOf(schema);
  const statements = [
    `alter table ${t.ledger} add column role text not null default 'primary'
      check (role in ('primary', 'mirror'))`,
    `create table ${t.relays}(id uuid primary key, scope text not null, host text not null, pid int not null,
      seen_at timestamptz not null default clock_timestamp()) with (fillfactor = 50)`,
    `create table ${t.publications}(scope text not null, partition smallint not null,
      owner uuid, lease_until timestamptz, position bigint not null default 0,
      published_at timestamptz, takeovers int not null default 0, trouble text,
      primary key (scope, partition)) with (fillfactor = 50)`,
    `create table ${t.epochs}(epoch int not null, partition smallint not null,
      start bigint not null check (start > 0), actor text not null, reason text not null,
      begun_at timestamptz not null default clock_timestamp(), primary key (epoch, partition))`,
    `update ${t.ledger} set schema_version = 3`,
  ];
  await sql.raw(statements.join(';\n')).execute(db);
}
