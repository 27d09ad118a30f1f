import type pg from 'pg';
import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { isLockTimeout, isRetryableConflict, isUniqueViolation } from '../sql-errors.js';
import { inTransaction } from './in-transaction.js';
import { showBuild } from './show-build.js';

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
  /** When it was served, or else made. */
  readonly served: string;
  /** Rolled back from: it does not come again by itself. */
  readonly held: boolean;
  /** An operator wants it to be served. */
  readonly wanted: boolean;
}

/**
 * Events that a build may lack of those which the live one has, when it is about to be served. Both may
 * be far from the end of the log: what counts is that the live one stands still but for a moment.
 */
const MOST_LACKING = 20_000;
/** How long a swap waits for writers of the builds, and for readers of the view, behind whom others wait. */
const [WRITERS_MS, READERS_MS] = [2_000, 250];
/** How long its transaction may wait for this process: while it catches up, and once readers wait. */
const [CATCH_UP_MS, SHOW_MS] = [10_000, 1_000];

/**
 * Serves a build that has nearly caught up, if it is to be served: a newer version than the live one, a
 * newer build of the same, or the one that an operator wants. The live one is locked first, so that it
 * stands still; then this one is folded to where that one stands, locked too, looked at once more, and
 * shown. A short transaction: appenders never wait for it, and a reader who keeps the view costs it
 * another try. Gives `kept` if that was it.
 */
export async function swapIn(
  store: Store,
  build: Build,
  catchUp: CatchUp,
): Promise<'swapped' | 'kept' | 'not-yet'> {
  try {
    const swapped = await inTransaction(
      store,
      async (client) => {
        await client.query(`set local lock_timeout = ${WRITERS_MS}`);
        await client.query(`set local idle_in_transaction_session_timeout = ${CATCH_UP_MS}`);
        return swap(store, client, build, catchUp);
      },
      (done) => done,
    );
    return swapped ? 'swapped' : 'not-yet';
  } catch (error) {
    // Somebody else has served another build of it meanwhile.
    if (isUniqueViolation(error)) return 'not-yet';
    if (isLockTimeout(error) || isRetryableConflict(error)) return 'kept';
    throw error;
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
    if ((await readLacking(client, store, build.id, live.id)) > MOST_LACKING) return false;
    if (!(await catchUp(await positionsOf(store, client, live.id)))) return false;
  }
  const next = await lockPlace(
    store,
    client,
    'id = $1 and owner = $2::uuid and fence = $3 and paused_at is null',
    [build.id, build.owner, build.fence],
  );
  if (next === undefined) return false;
  // Nobody can write either of them any more: what holds now holds until the commit.
  if (live !== undefined && !(await mayFollow(store, client, next, live))) return false;
  await client.query(`set local idle_in_transaction_session_timeout = ${SHOW_MS}`);
  await client.query(`set local lock_timeout = ${READERS_MS}`);
  await serve(store, client, next, live);
  return true;
}

/** Whether readers find everything in the next one that the live one shows. */
async function mayFollow(
  store: Store,
  client: pg.ClientBase,
  next: BuildPlace,
  live: BuildPlace,
): Promise<boolean> {
  if (!isToBeServed(next, live) || (await parksMore(store, client, next.id, live.id))) return false;
  return (await readLacking(client, store, next.id, live.id)) === 0;
}

/** Events that the live one has folded and the next one has not. */
async function readLacking(
  client: Pick<pg.ClientBase, 'query'>,
  { tables: { checkpoints } }: Store,
  next: number,
  live: number,
): Promise<number> {
  const { rows } = await client.query<{ lacking: number }>(
    `select coalesce(sum(greatest(0, l.position - coalesce(n.position, 0))), 0)::float8 as lacking
      from ${checkpoints} l left join ${checkpoints} n on n.build = $1 and n.partition = l.partition
      where l.build = $2`,
    [next, live],
  );
  return rows[0]!.lacking;
}

/**
 * Whether a build that has caught up is to be served now; if it should be but may not, why: a build that
 * leaves out jobs which the live one shows would make readers lose them.
 */
export async function judge(
  store: Store,
  build: Build,
  isThere: boolean,
): Promise<'serve' | 'wait' | Refusal> {
  const { pool } = store.database;
  const { rows } = await pool.query<BuildPlace>({
    text: `select ${PLACE} from ${store.tables.projections} where id = $1 or name = $2 and state = 'live'`,
    values: [build.id, build.projection.name],
  });
  const live = rows.find(({ state }) => state === 'live');
  if (live === undefined) return isThere ? 'serve' : 'wait';
  if (
    !isToBeServed(
      rows.find(({ id }) => id === build.id),
      live,
    )
  )
    return 'wait';
  if ((await readLacking(pool, store, build.id, live.id)) > MOST_LACKING) return 'wait';
  if (!(await parksMore(store, pool, build.id, live.id))) return 'serve';
  const refusal = `it has parked jobs that version ${live.version} shows: unpark them, or raise the version`;
  return { refusal };
}

export interface Refusal {
  readonly refusal: string;
}

/** Whether a build may take the live one's place. An older version never does by itself. */
function isToBeServed(next: BuildPlace | undefined, live: BuildPlace): boolean {
  if (next === undefined || next.id === live.id) return false;
  if (next.wanted) return true;
  if (next.held) return false;
  return next.version > live.version || (next.version === live.version && next.id > live.id);
}

/**
 * Points the view at one build in place of another. Only one can be live: who did not know of the
 * other fails.
 */
export async function serve(
  store: Store,
  client: pg.ClientBase,
  next: BuildPlace,
  live: BuildPlace | undefined,
): Promise<void> {
  const { projections } = store.tables;
  if (live !== undefined)
    await client.query(`update ${projections} set state = 'retired' where id = $1`, [live.id]);
  await client.query(
    `update ${projections} set state = 'live', held = false, wanted = false, served_at = clock_timestamp() where id = $1`,
    [next.id],
  );
  await showBuild(store, client, next);
}

/** What `BuildPlace` has. */
export const PLACE = `id, name, version, table_name, shown, state, held, wanted,
  coalesce(served_at, created_at)::text as served`;

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

async function parksMore(
  store: Store,
  client: Pick<pg.ClientBase, 'query'>,
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
