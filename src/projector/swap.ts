import type pg from 'pg';
import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { showBuild, tableOf } from './projection-tables.js';

/** Folds a build up to these positions, by partition; false if it is too far behind. */
export type CatchUp = (positions: ReadonlyMap<number, number>) => Promise<boolean>;

/** A build as it stands among those of its projection. */
export interface BuildPlace {
  readonly id: number;
  readonly name: string;
  readonly version: number;
  readonly table_name: string;
  readonly shown: string;
  readonly state: Build['state'];
  readonly held: boolean;
}

/**
 * Serves a build that has nearly caught up, if it is to be served: a newer version than the live one, a
 * newer build of the same, or any that is not held back when the live one is. The live one is locked
 * first, so that it stands still; then this one is folded to where that one stands, locked too, and
 * shown. A short transaction: appenders never wait for it, and a reader who keeps the view costs it
 * another try.
 */
export async function swapIn(store: Store, build: Build, catchUp: CatchUp): Promise<boolean> {
  const client = await store.database.pool.connect();
  try {
    await client.query(`begin; set local lock_timeout = '250ms'`);
    const swapped = await swap(store, client, build, catchUp);
    await client.query(swapped ? 'commit' : 'rollback');
    return swapped;
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
}

async function swap(
  store: Store,
  client: pg.ClientBase,
  build: Build,
  catchUp: CatchUp,
): Promise<boolean> {
  const live = await lockPlace(store, client, `name = $1 and state = 'live'`, [
    build.projection.name,
  ]);
  if (live !== undefined) {
    if (!isToBeServed(await placeOf(store, client, build.id), live)) return false;
    if (await parksMore(store, client, build.id, live.id)) return false;
    if (!(await catchUp(await positionsOf(store, client, live.id)))) return false;
  }
  const next = await lockPlace(store, client, 'id = $1', [build.id]);
  if (next === undefined || next.held) return false;
  await serve(store, client, next, live);
  return true;
}

/** Whether a build may take the live one's place. An older version never does, unless that is held back. */
export function isToBeServed(next: BuildPlace | undefined, live: BuildPlace): boolean {
  if (next === undefined || next.held || next.id === live.id) return false;
  if (live.held || next.version > live.version) return true;
  return next.version === live.version && next.id > live.id;
}

/** Points the view at one build in place of another; an older build of the same version is dropped. */
export async function serve(
  store: Store,
  client: pg.ClientBase,
  next: BuildPlace,
  live: BuildPlace | undefined,
): Promise<void> {
  const { projections } = store.tables;
  await client.query(
    `update ${projections} set state = 'retired' where name = $1 and state = 'live'`,
    [next.name],
  );
  await client.query(
    `update ${projections} set state = 'live', served_at = clock_timestamp() where id = $1`,
    [next.id],
  );
  await showBuild(store, client, next);
  if (live?.version === next.version) await dropBuild(store, client, live);
}

/** Drops a build's table and everything known of it. Nothing may show it. */
export async function dropBuild(
  store: Store,
  client: pg.ClientBase,
  { id, table_name: tableName }: Pick<BuildPlace, 'id' | 'table_name'>,
): Promise<void> {
  await client.query(`drop table if exists ${tableOf(store, { tableName })}`);
  await client.query(`delete from ${store.tables.projections} where id = $1`, [id]);
}

const PLACE = 'id, name, version, table_name, shown, state, held';

/** A build's row, locked: whoever would write the build waits. */
export async function lockPlace(
  store: Store,
  client: pg.ClientBase,
  where: string,
  values: readonly unknown[],
): Promise<BuildPlace | undefined> {
  const { rows } = await client.query<BuildPlace>(
    `select ${PLACE} from ${store.tables.projections} where ${where} for update`,
    [...values],
  );
  return rows[0];
}

async function placeOf(
  store: Store,
  client: pg.ClientBase,
  id: number,
): Promise<BuildPlace | undefined> {
  const { rows } = await client.query<BuildPlace>(
    `select ${PLACE} from ${store.tables.projections} where id = $1`,
    [id],
  );
  return rows[0];
}

/** A build that leaves out jobs which the live one shows would make readers lose them. */
async function parksMore(
  store: Store,
  client: pg.ClientBase,
  next: number,
  live: number,
): Promise<boolean> {
  const { parked } = store.tables;
  const { rowCount } = await client.query(
    `select from ${parked} p where build = $1
      and not exists (select from ${parked} o where o.build = $2 and o.job_id = p.job_id) limit 1`,
    [next, live],
  );
  return rowCount !== 0;
}

async function positionsOf(
  store: Store,
  client: pg.ClientBase,
  build: number,
): Promise<Map<number, number>> {
  const { rows } = await client.query<{ partition: number; position: number }>(
    `select partition, position from ${store.tables.checkpoints} where build = $1`,
    [build],
  );
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}
