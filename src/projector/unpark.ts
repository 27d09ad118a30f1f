import type pg from 'pg';
import { cleanText } from '../job/clean-text.js';
import { reasonOf } from '../ledger/inbox/set-aside.js';
import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { readJobsUpTo } from './feed.js';
import { inTransaction } from './in-transaction.js';
import { JobCache } from './job-cache.js';
import { isRowRefused } from './row-fault.js';
import { StretchRows } from './stretch-rows.js';
import { loadRows } from './load-rows.js';
import { changesOf, forward, writeStretch } from './write-stretch.js';

/** A parked job of one build. */
export interface Asked {
  readonly build: number;
  readonly job_id: string;
}

/** Asks for parked jobs of a projection to be folded again: of all its builds. Gives which they are. */
export async function requestUnpark(
  store: Store,
  name: string,
  jobId?: string,
): Promise<readonly Asked[]> {
  const { rows } = await store.database.pool.query<Asked>({
    text: `update ${store.tables.parked} set unpark_at = clock_timestamp()
      where build in (select id from ${store.tables.projections} where name = $1)
        and ($2::uuid is null or job_id = $2)
      returning build, job_id`,
    values: [name, jobId ?? null],
  });
  return rows;
}

/** Those of them that nobody has folded again yet. */
export async function readAsked(store: Store, asked: readonly Asked[]): Promise<readonly Asked[]> {
  return readThose(store, asked, 'unpark_at is not null');
}

/** Those of them that are parked, again or still. */
export async function readStillParked(
  store: Store,
  asked: readonly Asked[],
): Promise<readonly Asked[]> {
  return readThose(store, asked, 'true');
}

async function readThose(
  store: Store,
  asked: readonly Asked[],
  where: string,
): Promise<readonly Asked[]> {
  const { rows } = await store.database.pool.query<Asked>({
    text: `select found.* from unnest($1::int[], $2::uuid[]) wanted(build, job_id)
      cross join lateral (select build, job_id from ${store.tables.parked} p
        where p.build = wanted.build and p.job_id = wanted.job_id and ${where} offset 0) found`,
    values: [asked.map(({ build }) => build), asked.map(({ job_id: id }) => id)],
  });
  return rows;
}

/** Does what was asked for of these builds. */
export async function unparkRequested(store: Store, builds: readonly Build[]): Promise<void> {
  const { rows } = await store.database.pool.query<{ build: number }>({
    text: `select distinct build from ${store.tables.parked} where build = any($1) and unpark_at is not null`,
    values: [builds.map(({ id }) => id)],
  });
  for (const { build: id } of rows)
    await unparkOf(
      store,
      builds.find((one) => one.id === id)!,
    );
}

/** Parked jobs that somebody asked for, and how far their build has come in their partition. */
interface Request {
  readonly job_id: string;
  readonly partition: number;
  readonly position: number;
  readonly checkpoint: number;
}

async function unparkOf(store: Store, build: Build): Promise<void> {
  const { parked, checkpoints } = store.tables;
  const { rows } = await store.database.pool.query<Request>({
    text: `select p.job_id, p.partition, p.position, c.position as checkpoint
      from ${parked} p join ${checkpoints} c on c.build = p.build and c.partition = p.partition
      where p.build = $1 and p.unpark_at is not null and c.goal is null order by parked_at limit 1000`,
    values: [build.id],
  });
  for (const request of rows) await unpark(store, build, request);
}

/**
 * Folds the job's events from the one on that failed, up to where the others are, and takes it out of
 * the parked ones in the same transaction. If one fails again the job is parked there.
 */
async function unpark(store: Store, build: Build, request: Request): Promise<void> {
  const { job_id: jobId, partition, position, checkpoint } = request;
  const cache = new JobCache(store, partition, position - 1);
  const events = await readJobsUpTo(store, partition, [jobId], checkpoint);
  const steps = await cache.follow(events.filter((event) => event.position >= position));
  // It may have rows from before: none of its keys is new.
  const rows = new StretchRows(build.projection, Infinity, (keys) => loadRows(store, build, keys));
  await rows.fold(steps);
  const move = forward(store, { partition, from: checkpoint, to: checkpoint });
  try {
    await inTransaction(
      store,
      async (client) => {
        await forget(store, client, build, jobId);
        return writeStretch(store, build, move, changesOf(rows), client);
      },
      (written) => written,
    );
  } catch (error) {
    if (!isRowRefused(error)) throw error;
    await refuse(store, build, jobId, cleanText(reasonOf(error), 4_096));
  }
}

async function forget(
  store: Store,
  client: pg.ClientBase,
  build: Build,
  jobId: string,
): Promise<void> {
  await client.query(`delete from ${store.tables.parked} where build = $1 and job_id = $2`, [
    build.id,
    jobId,
  ]);
}

/** The database refuses what became of it: it stays parked where it was. */
async function refuse(store: Store, build: Build, jobId: string, error: string): Promise<void> {
  await store.database.pool.query({
    text: `update ${store.tables.parked} set unpark_at = null, error = $3, parked_at = clock_timestamp()
      where build = $1 and job_id = $2`,
    values: [build.id, jobId, error],
  });
}
