import type pg from 'pg';
import { quote } from '../ledger/tables.js';
import type { Store } from '../ledger/store.js';
import type { Columns } from '../api-projector.js';
import { keyText, type Rows } from './fold-batch.js';
import { selectList, tableOf } from './projection-tables.js';
import type { Projection, Row } from '../api-projector.js';

/** The rows of these keys that are there, by key. */
export async function loadRows(
  store: Store,
  projection: Projection,
  keys: readonly Row[],
): Promise<Map<string, Row>> {
  if (keys.length === 0) return new Map();
  const { key, columns } = projection;
  const wanted = unnest(pick(columns, key), 1, 'wanted');
  const result = await store.database.pool.query<Row & pg.QueryResultRow>({
    // Unnamed: a plan that was made while the table was empty would be kept.
    text: `select found.* from ${wanted} cross join lateral (select ${selectList(projection)}
      from ${tableOf(store, projection)} t
      where ${key.map((one) => `t.${quote(one)} = wanted.${quote(one)}`).join(' and ')} offset 0) found`,
    values: key.map((name) => keys.map((one) => one[name])),
  });
  return new Map(result.rows.map((row) => [keyText(projection, row), row]));
}

/** Where a batch begins and ends, and by whose right it is written. */
export interface Step {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
  readonly owner: string;
  readonly fence: number;
}

/**
 * Writes what a batch changed together with its checkpoint, as one statement: each event's effect
 * exactly once. Gives false, having done nothing, if somebody else has the lease by now or the
 * checkpoint is not where the batch began.
 */
export async function writeRows(
  store: Store,
  projection: Projection,
  rows: Rows,
  step: Step,
): Promise<boolean> {
  const { name, version, columns, key } = projection;
  const { projections, checkpoints } = store.tables;
  const put = [...rows.values()].flatMap(({ row }) => (row === undefined ? [] : [row]));
  const gone = [...rows.values()].flatMap(({ key: one, row }) => (row === undefined ? [one] : []));
  const names = Object.keys(columns);
  const keyColumns = pick(columns, key);
  const others = names.filter((one) => !key.includes(one));
  const update = others.map((one) => `${quote(one)} = excluded.${quote(one)}`).join(', ');
  const table = tableOf(store, projection);
  const result = await store.database.pool.query<{ moved: number }>({
    text: `with held as materialized (select from ${projections}
        where name = $1 and version = $2 and owner = $3::uuid and fence = $4 for share),
      moved as (update ${checkpoints} set position = $7
        where name = $1 and version = $2 and partition = $5 and position = $6 and exists (select from held)
        returning 1),
      gone as (delete from ${table} t using ${unnest(keyColumns, FIRST, 'dropped')}
        where ${key.map((one) => `t.${quote(one)} = dropped.${quote(one)}`).join(' and ')}
          and exists (select from moved)),
      put as (insert into ${table}(${names.map(quote).join(', ')})
        select * from ${unnest(columns, FIRST + key.length, 'put')} where exists (select from moved)
        on conflict (${key.map(quote).join(', ')}) do ${others.length === 0 ? 'nothing' : `update set ${update}`})
      select count(*)::int as moved from moved`,
    values: [
      ...[name, version, step.owner, step.fence, step.partition, step.from, step.to],
      ...key.map((one) => gone.map((row) => stored(columns, one, row))),
      ...names.map((one) => put.map((row) => stored(columns, one, row))),
    ],
  });
  return result.rows[0]!.moved === 1;
}

const FIRST = 8;

function pick(columns: Columns, names: readonly string[]): Columns {
  return Object.fromEntries(names.map((name) => [name, columns[name]!]));
}

/** Parameters that begin with this one as a table of these columns. */
function unnest(columns: Columns, first: number, alias: string): string {
  const arrays = Object.values(columns).map(({ type }, index) => `$${first + index}::${type}[]`);
  return `unnest(${arrays.join(', ')}) ${alias}(${Object.keys(columns).map(quote).join(', ')})`;
}

function stored(columns: Columns, name: string, row: Row): unknown {
  const value = row[name] ?? null;
  return columns[name]!.type === 'jsonb' && value !== null ? JSON.stringify(value) : value;
}
