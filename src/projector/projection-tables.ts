import type pg from 'pg';
import type { Projection } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import { quote } from '../ledger/tables.js';
import type { Store } from '../ledger/store.js';
import { viewName } from './projection.js';

/** A build's table, quoted and qualified. */
export function tableOf(store: Store, { tableName }: { readonly tableName: string }): string {
  return `${quote(store.tables.schema)}.${quote(tableName)}`;
}

/** The view that readers use, whatever the build. */
export function viewOf(store: Store, name: string): string {
  return `${quote(store.tables.schema)}.${quote(viewName(name))}`;
}

/** Makes a build: its row, its empty table, and a checkpoint at the beginning of each partition. */
export async function makeBuild(
  store: Store,
  client: pg.ClientBase,
  projection: Projection,
): Promise<number> {
  const { name, version, columns, key } = projection;
  const tableName = await freeName(store, client, `${viewName(name)}_v${version}`);
  const { rows } = await client.query<{ id: number }>(
    `insert into ${store.tables.projections}(name, version, state, shown, paused_at, table_name)
      select $1, $2, 'building', $3, max(paused_at), $4 from ${store.tables.projections} where name = $1
      returning id`,
    [name, version, shownColumns(projection), tableName],
  );
  const { id } = rows[0]!;
  const parts = Object.entries(columns).map(
    ([column, { type, nullable }]) => `${quote(column)} ${type}${nullable ? '' : ' not null'}`,
  );
  await client.query(`create table ${tableOf(store, { tableName })}(
    ${[...parts, `primary key (${key.map(quote).join(', ')})`].join(',\n')})`);
  await client.query(
    `insert into ${store.tables.checkpoints}(build, partition)
      select $1, p from generate_series(0, $2::int - 1) p`,
    [id, store.partitions],
  );
  return id;
}

/** Another than any build has, and than anything in the schema has: somebody may have deleted rows alone. */
async function freeName(store: Store, client: pg.ClientBase, base: string): Promise<string> {
  const { rows } = await client.query<{ name: string }>(
    `select name from (select 0 as n, $1::text as name
        union all select n, $1 || '_b' || n from generate_series(2, 10000) n) names
      where to_regclass(format('%I.%I', $2::text, name)) is null
        and not exists (select from ${store.tables.projections} where table_name = name)
      order by n limit 1`,
    [base, store.tables.schema],
  );
  return rows[0]!.name;
}

/** What stands in the table was folded by other rules: it must not be mixed with what these would make. */
export async function refuseOtherColumns(
  client: pg.ClientBase,
  table: string,
  { name, version, columns }: Projection,
): Promise<void> {
  const { rows } = await client.query<{ column: string }>(
    `select concat_ws(' ', attname, typname, case when not attnotnull then 'or null' end) as column
      from pg_attribute join pg_type t on t.oid = atttypid
      where attrelid = to_regclass($1) and attnum > 0 and not attisdropped`,
    [table],
  );
  const there = rows.map(({ column }) => column).sort();
  const wanted = Object.entries(columns)
    .map(([column, { type, nullable }]) => `${column} ${type}${nullable ? ' or null' : ''}`)
    .sort();
  if (there.join() === wanted.join()) return;
  const message = `projection ${name}: its columns have changed; raise its version above ${version}`;
  throw new LedgerError('BAD_CONFIG', message);
}

function shownColumns({ columns, view }: Projection): string {
  return Object.keys(columns)
    .map((column) => `${view[column] ?? quote(column)} as ${quote(column)}`)
    .join(', ');
}

/** Makes the indexes that readers want, once the rows are there: before that they would only be in the way. */
export async function makeIndexes(
  store: Store,
  query: Pick<pg.ClientBase, 'query'>,
  { projection, tableName }: { readonly projection: Projection; readonly tableName: string },
): Promise<void> {
  for (const [at, columns] of projection.indexes.entries()) {
    const name = `${tableName}_i${at + 1}`;
    const first = columns[0]!;
    // Nobody looks for what is not there, and most rows may have nothing there.
    const where = projection.columns[first]!.nullable ? `where ${quote(first)} is not null` : '';
    await query.query(
      `create index if not exists ${quote(name)}
        on ${tableOf(store, { tableName })}(${columns.map(quote).join(', ')}) ${where}`,
    );
  }
  await query.query(`analyze ${tableOf(store, { tableName })}`);
}
