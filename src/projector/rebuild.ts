import type pg from 'pg';
import type { Projection } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import { whilePreparing } from './prepare.js';
import { prepareBuild } from './prepare-build.js';
import { makeBuild } from './projection-tables.js';

/**
 * Begins another build of a version, or finds the one that was begun and not ended: gives its number.
 * Refuses a version older than the one that is served: it would never take its place.
 */
export async function wantRebuild(store: Store, projection: Projection): Promise<number> {
  const { name, version } = projection;
  return whilePreparing(store, async (client) => {
    const first = await prepareBuild(store, client, projection);
    const { rows } = await client.query<BuildRow>(
      `select id, version, state, paused_at is not null as paused from ${store.tables.projections} where name = $1 order by id desc`,
      [name],
    );
    const live = rows.find(({ state }) => state === 'live');
    if (live !== undefined && live.version > version) throw older(name, version, live.version);
    if (rows.some(({ paused }) => paused))
      throw new LedgerError('NOT_CAUGHT_UP', `projection ${name}: it is paused; resume it first`);
    const begun = rows.find((one) => one.version === version && one.state === 'building');
    if (begun === undefined) return first ?? makeBuild(store, client, projection);
    await forgetTrouble(store, client, begun.id);
    return begun.id;
  });
}

/** What kept it from going on may be over: it will say so if it is not. */
async function forgetTrouble(store: Store, client: pg.ClientBase, id: number): Promise<void> {
  await client.query(`update ${store.tables.projections} set trouble = null where id = $1`, [id]);
}

interface BuildRow {
  readonly id: number;
  readonly version: number;
  readonly state: string;
  readonly paused: boolean;
}

function older(name: string, version: number, live: number): LedgerError {
  const message = `projection ${name}: version ${live} is served, and this program has version ${version}`;
  return new LedgerError('BAD_INPUT', message);
}
