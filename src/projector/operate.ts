import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { inTransaction } from './in-transaction.js';
import type { Store } from '../ledger/store.js';
import { sqlState } from '../sql-errors.js';
import { dropBuild, lockTable } from './drop-build.js';
import { viewOf } from './projection-tables.js';
import { lockPlace, PLACE, serve, type BuildPlace } from './swap.js';

/** Stops following a projection in every process, or lets it go on. */
export async function setPaused(store: Store, name: string, paused: boolean): Promise<void> {
  const { rowCount } = await store.database.pool.query({
    text: `update ${store.tables.projections}
      set paused_at = case when $2 then coalesce(paused_at, clock_timestamp()) end where name = $1`,
    values: [name, paused],
  });
  if (rowCount === 0) throw unknown(name);
}

/** Drops the builds of a version, none of which may be served. */
export async function dropVersion(store: Store, name: string, version: number): Promise<void> {
  await inTransaction(store, async (client) => {
    for (const one of await readBuilds(store, client, name))
      if (one.version === version && one.state !== 'live') await lockTable(store, client, one);
    const builds = await lockBuilds(store, client, name);
    const doomed = builds.filter((one) => one.version === version);
    if (builds.length === 0) throw unknown(name);
    if (doomed.length === 0) throw unknown(`${name} ${version}`);
    if (doomed.some(({ state }) => state === 'live'))
      throw new LedgerError(
        'ILLEGAL_STATE',
        `projection ${name} ${version} is the one that is served`,
      );
    for (const one of doomed) await dropBuild(store, client, one);
  });
}

/**
 * Drops a read model, its view and all builds. A projector that has its code makes it again. What
 * others have built on the view keeps it, and all of it.
 */
export async function dropProjection(store: Store, name: string): Promise<void> {
  await inTransaction(store, async (client) => {
    const known = await readBuilds(store, client, name);
    if (known.length === 0) throw unknown(name);
    // The view first, as readers lock it.
    await client.query(`drop view if exists ${viewOf(store, name)}`);
    for (const one of known) await lockTable(store, client, one);
    for (const one of await lockBuilds(store, client, name)) await dropBuild(store, client, one);
  }).catch((error: unknown) => {
    if (sqlState(error) !== '2BP01') throw error;
    const message = `projection ${name}: other views stand on its view; drop those first`;
    throw new LedgerError('ILLEGAL_STATE', message, { cause: error });
  });
}

/**
 * Marks which version is wanted: the live one is held back, so that it does not come again by itself,
 * and the other one is not. With `stale` it is served as it is; otherwise whoever has its code serves
 * it once it has caught up. Gives the build that was served and the one that is wanted.
 */
export async function want(
  store: Store,
  name: string,
  { to, stale = false }: { readonly to?: number; readonly stale?: boolean },
): Promise<{ readonly live: BuildPlace; readonly next: BuildPlace }> {
  return inTransaction(store, async (client) => {
    const builds = await lockBuilds(store, client, name);
    const live = builds.find(({ state }) => state === 'live');
    if (live === undefined) throw unknown(name);
    const others = builds.filter(({ state }) => state !== 'live');
    const next =
      to === undefined
        ? latest(others.filter(({ version }) => version !== live.version))
        : others.find(({ version }) => version === to);
    if (next === undefined) throw new LedgerError('PROJECTION_NOT_FOUND', nothing(name, to));
    await mark(store, client, live.id, { held: true, wanted: false });
    await mark(store, client, next.id, { held: false, wanted: true });
    if (stale) await serve(store, client, next, live);
    return { live, next };
  });
}

/** Takes back what `want` marked, unless it has come about. */
export async function unwant(store: Store, live: BuildPlace, next: BuildPlace): Promise<void> {
  await inTransaction(store, async (client) => {
    const now = await lockPlace(store, client, 'id = $1', [live.id]);
    if (now?.state !== 'live') return;
    await mark(store, client, live.id, live);
    await mark(store, client, next.id, next);
  });
}

/** The one that was served last. */
function latest(builds: readonly BuildPlace[]): BuildPlace | undefined {
  return builds
    .filter(({ state }) => state === 'retired')
    .sort((one, other) => (one.served < other.served ? 1 : -1))[0];
}

function nothing(name: string, to: number | undefined): string {
  return to === undefined
    ? `projection ${name} has no version that was served before`
    : `projection ${name} has no version ${to} that is not served`;
}

async function mark(
  store: Store,
  client: pg.ClientBase,
  id: number,
  { held, wanted }: Pick<BuildPlace, 'held' | 'wanted'>,
): Promise<void> {
  await client.query(
    `update ${store.tables.projections} set held = $2, wanted = $3 where id = $1`,
    [id, held, wanted],
  );
}

async function readBuilds(
  store: Store,
  client: pg.ClientBase,
  name: string,
): Promise<readonly BuildPlace[]> {
  const { rows } = await client.query<BuildPlace>(
    `select ${PLACE} from ${store.tables.projections} where name = $1 order by id`,
    [name],
  );
  return rows;
}

async function lockBuilds(
  store: Store,
  client: pg.ClientBase,
  name: string,
): Promise<readonly BuildPlace[]> {
  const { rows } = await client.query<BuildPlace>(
    `select ${PLACE} from ${store.tables.projections} where name = $1 order by id for update`,
    [name],
  );
  return rows;
}

function unknown(name: string): LedgerError {
  return new LedgerError('PROJECTION_NOT_FOUND', `there is no projection ${name}`);
}
