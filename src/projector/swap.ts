import type pg from 'pg';
import type { Store } from '../ledger/store.js';
import { showVersion } from './projection-tables.js';
import type { Projection } from '../api-projector.js';

/** Folds a version up to these positions, by partition. */
export type CatchUp = (positions: ReadonlyMap<number, number>) => Promise<boolean>;

/**
 * Serves a version that has nearly caught up. The version that is served now is locked first, so that
 * it stands still; then this one is folded to where that one stands, locked too, and shown. A short
 * transaction: appenders never wait for it, and a reader who keeps the view costs it another try.
 */
export async function swapIn(
  store: Store,
  projection: Projection,
  catchUp: CatchUp,
): Promise<boolean> {
  const client = await store.database.pool.connect();
  try {
    await client.query(`begin; set local lock_timeout = '250ms'`);
    const swapped = await swap(store, client, projection, catchUp);
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
  projection: Projection,
  catchUp: CatchUp,
): Promise<boolean> {
  const { name, version } = projection;
  const { projections } = store.tables;
  const { rows: served } = await client.query<{ version: number }>(
    `select version from ${projections} where name = $1 and state = 'live' for update`,
    [name],
  );
  if (served[0]?.version === version) return true;
  // A program that knows only an older version must not put it in a newer one's place.
  if (served[0] !== undefined && served[0].version > version) return false;
  if (served[0] !== undefined) {
    const positions = await positionsOf(store, client, name, served[0].version);
    if (!(await catchUp(positions))) return false;
  }
  await client.query(`select from ${projections} where name = $1 and version = $2 for update`, [
    name,
    version,
  ]);
  await client.query(
    `update ${projections} set state = 'retired' where name = $1 and state = 'live'`,
    [name],
  );
  await client.query(`update ${projections} set state = 'live' where name = $1 and version = $2`, [
    name,
    version,
  ]);
  await showVersion(store, client, projection);
  return true;
}

async function positionsOf(
  store: Store,
  client: pg.ClientBase,
  name: string,
  version: number,
): Promise<Map<number, number>> {
  const { rows } = await client.query<{ partition: number; position: number }>(
    `select partition, position from ${store.tables.checkpoints} where name = $1 and version = $2`,
    [name, version],
  );
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}
