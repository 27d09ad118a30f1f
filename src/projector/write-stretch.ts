import type pg from 'pg';
import type { Row } from '../api-projector.js';
import { quote } from '../ledger/tables.js';
import type { Store } from '../ledger/store.js';
import { heldBuild, type Build } from './builds.js';
import { arraysOf, pick, unnest } from './row-values.js';
import { tableOf } from './projection-tables.js';
import type { Parking, StretchRows } from './stretch-rows.js';

/**
 * How a checkpoint moves: by a statement that finds it only where it must be. `$1` is the build; its
 * own parameters begin with `$4`, which is the partition.
 */
export interface Move {
  readonly text: string;
  readonly values: readonly unknown[];
}

/** From the event before a stretch to its last one. */
export function forward(
  store: Store,
  { partition, from, to }: { partition: number; from: number; to: number },
): Move {
  const text = `update ${store.tables.checkpoints} set position = $6
    where build = $1 and partition = $4 and position = $5 and goal is null`;
  return { text, values: [partition, from, to] };
}

/** What a stretch makes of a build's table. */
export interface Changes {
  /** Rows that were not there. */
  readonly fresh: readonly Row[];
  /** Rows that are there with other values. */
  readonly changed: readonly Row[];
  /** Keys of rows that are no more. */
  readonly gone: readonly Row[];
  readonly parkings: readonly Parking[];
}

/** What is to be written of the rows that a stretch has touched. */
export function changesOf(rows: StretchRows): Changes {
  const [fresh, changed, gone]: Row[][] = [[], [], []];
  for (const { key, stood, row } of rows.touched()) {
    if (row !== undefined) (stood ? changed : fresh)!.push(row);
    else if (stood) gone!.push(key);
  }
  return { fresh: fresh!, changed: changed!, gone: gone!, parkings: rows.parkings };
}

/**
 * Writes what a stretch changed together with its checkpoint, as one statement: each event's effect
 * exactly once. Gives false, having done nothing, if the build is not ours by now or its checkpoint is
 * not where the stretch began.
 */
export async function writeStretch(
  store: Store,
  build: Build,
  move: Move,
  changes: Changes,
  query: Pick<pg.ClientBase, 'query'> = store.database.pool,
): Promise<boolean> {
  const { columns, key } = build.projection;
  const put = [...changes.fresh, ...changes.changed];
  const keys = pick(columns, key);
  const first = 4 + move.values.length;
  const parked = first + key.length + Object.keys(columns).length;
  const result = await query.query<{ moved: number }>({
    text: `with held as materialized (${heldBuild(store)}),
      moved as (${move.text} and exists (select from held) returning 1),
      gone as (delete from ${tableOf(store, build)} t using ${unnest(keys, first, 'dropped')}
        where ${key.map((one) => `t.${quote(one)} = dropped.${quote(one)}`).join(' and ')}
          and exists (select from moved)),
      put as (${upsert(store, build, first + key.length)}),
      parked as (${park(store, parked)})
      select count(*)::int as moved from moved`,
    values: [
      ...[build.id, build.owner, build.fence, ...move.values],
      ...arraysOf(keys, changes.gone),
      ...arraysOf(columns, put),
      ...parkedArrays(changes.parkings),
    ],
  });
  return result.rows[0]!.moved === 1;
}

function upsert(store: Store, { projection, tableName }: Build, first: number): string {
  const { columns, key } = projection;
  const names = Object.keys(columns);
  const others = names.filter((one) => !key.includes(one));
  const update = others.map((one) => `${quote(one)} = excluded.${quote(one)}`).join(', ');
  return `insert into ${tableOf(store, { tableName })}(${names.map(quote).join(', ')})
    select * from ${unnest(columns, first, 'put')} where exists (select from moved)
    on conflict (${key.map(quote).join(', ')}) do ${others.length === 0 ? 'nothing' : `update set ${update}`}`;
}

function park(store: Store, first: number): string {
  const arrays = ['uuid', 'int8', 'text', 'text'].map((type, n) => `$${first + n}::${type}[]`);
  return `insert into ${store.tables.parked}(build, partition, job_id, position, event_type, error)
    select $1, $4, * from unnest(${arrays.join(', ')}) where exists (select from moved)
    on conflict (build, job_id) do nothing`;
}

function parkedArrays(parkings: readonly Parking[]): unknown[][] {
  return [
    parkings.map(({ jobId }) => jobId),
    parkings.map(({ position }) => position),
    parkings.map(({ eventType }) => eventType),
    parkings.map(({ error }) => error),
  ];
}
