import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { quote } from '../ledger/tables.js';
import { iso, type Store } from '../ledger/store.js';
import type { Projection } from '../api-projector.js';
import { viewName } from './projection.js';

/** The table of one version, quoted and qualified. */
export function tableOf(store: Store, { name, version }: Projection): string {
  return `${quote(store.tables.schema)}.${quote(`${viewName(name)}_v${version}`)}`;
}

/** The view that readers use, whatever the version. */
export function viewOf(store: Store, { name }: Projection): string {
  return `${quote(store.tables.schema)}.${quote(viewName(name))}`;
}

/**
 * Makes what a version needs, unless it is there: its table, its place among the projections, and a
 * checkpoint per partition. Several processes may do so at once.
 */
export async function prepareTables(
  store: Store,
  client: pg.ClientBase,
  projection: Projection,
): Promise<void> {
  const { name, version, columns, key } = projection;
  const { projections, checkpoints } = store.tables;
  const parts = Object.entries(columns).map(
    ([column, { type, nullable }]) => `${quote(column)} ${type}${nullable ? '' : ' not null'}`,
  );
  await client.query(`create table if not exists ${tableOf(store, projection)}(
    ${[...parts, `primary key (${key.map(quote).join(', ')})`].join(',\n')})`);
  await refuseOtherColumns(client, tableOf(store, projection), projection);
  await client.query(
    `insert into ${projections}(name, version, state) values ($1, $2, 'building') on conflict do nothing`,
    [name, version],
  );
  await client.query(
    `insert into ${checkpoints}(name, version, partition)
      select $1, $2, p from generate_series(0, $3::int - 1) p on conflict do nothing`,
    [name, version, store.partitions],
  );
}

/** What stands in the table was folded by other rules: it must not be mixed with what these would make. */
async function refuseOtherColumns(
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

/** Points the view at a version. `create or replace` could not take columns away. */
export async function showVersion(
  store: Store,
  client: pg.ClientBase,
  projection: Projection,
): Promise<void> {
  const { columns, view } = projection;
  const shown = Object.keys(columns).map(
    (column) => `${view[column] ?? quote(column)} as ${quote(column)}`,
  );
  await client.query(`drop view if exists ${viewOf(store, projection)}`);
  await client.query(
    `create view ${viewOf(store, projection)} as select ${shown.join(', ')} from ${tableOf(store, projection)}`,
  );
}

/** Every column as the engine reads it: times as text, since a JS Date drops microseconds. */
export function selectList({ columns }: Projection): string {
  return Object.entries(columns)
    .map(([name, { type }]) =>
      type === 'timestamptz' ? `${iso(quote(name))} as ${quote(name)}` : quote(name),
    )
    .join(', ');
}
