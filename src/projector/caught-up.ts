import { setTimeout as pause } from 'node:timers/promises';
import type { UpTo } from '../api-projections.js';
import { LedgerError } from '../errors.js';
import { partitionOf } from '../ledger/ids.js';
import { resolveId } from '../ledger/read.js';
import type { Store } from '../ledger/store.js';
import { readHeads } from '../ledger/heads.js';

const DEFAULT_TIMEOUT_MS = 10_000;
/** Between looks, in milliseconds: at first, and at most. */
const [FIRST_MS, MOST_MS] = [5, 100];

/**
 * Waits until what is served of a projection has folded everything up to a point. Throws
 * `BAD_INPUT`, `PROJECTION_NOT_FOUND`, `JOB_NOT_FOUND`, `JOB_PARKED`, or `NOT_CAUGHT_UP` when the time is over.
 */
export async function caughtUp(
  store: Store,
  name: string,
  upTo: UpTo | undefined,
  timeoutMs = DEFAULT_TIMEOUT_MS,
): Promise<void> {
  refuse(upTo, timeoutMs);
  const until = performance.now() + timeoutMs;
  let wanted: ReadonlyMap<number, number> | undefined;
  for (let restMs = FIRST_MS; ; restMs = Math.min(MOST_MS, restMs * 2)) {
    wanted ??= await positionsOf(store, upTo);
    if (wanted !== undefined && (await isThere(store, name, wanted))) break;
    if (performance.now() + restMs > until) throw notCaughtUp(name, upTo, wanted, timeoutMs);
    await pause(restMs);
  }
  if (typeof upTo === 'string') await refuseParked(store, name, upTo);
}

function refuse(upTo: unknown, timeoutMs: unknown): void {
  const { partition, position } = (upTo ?? {}) as Record<string, unknown>;
  const isPlace = Number.isSafeInteger(partition) && Number.isSafeInteger(position);
  const problems = [
    ...(upTo === undefined || typeof upTo === 'string' || isPlace
      ? []
      : ['upTo: expected a job id or { partition, position } in whole numbers']),
    ...(typeof timeoutMs === 'number' && timeoutMs >= 0
      ? []
      : ['timeoutMs: expected milliseconds from 0']),
  ];
  if (problems.length > 0) throw new LedgerError('BAD_INPUT', problems.join('; '));
}

function notCaughtUp(
  name: string,
  upTo: UpTo | undefined,
  wanted: ReadonlyMap<number, number> | undefined,
  timeoutMs: number,
): LedgerError {
  if (wanted === undefined)
    return new LedgerError('JOB_NOT_FOUND', `there is no job ${String(upTo)} in the log`);
  const message = `projection ${name} has not caught up within ${timeoutMs} ms; is a projector running?`;
  return new LedgerError('NOT_CAUGHT_UP', message);
}

/** Positions to be reached, by partition; undefined for a job that is not in the log yet. */
async function positionsOf(
  store: Store,
  upTo: UpTo | undefined,
): Promise<ReadonlyMap<number, number> | undefined> {
  if (upTo === undefined) return readHeads(store);
  if (typeof upTo !== 'string') return new Map([[upTo.partition, upTo.position]]);
  const id = await resolveId(store, upTo);
  if (id === undefined) return undefined;
  const partition = partitionOf(id, store.partitions);
  const { rows } = await store.database.pool.query<{ position: number | null }>({
    text: `select max(position) as position from ${store.tables.eventsOf(partition)} where stream_id = $1`,
    values: [id],
  });
  const position = rows[0]?.position ?? null;
  return position === null ? undefined : new Map([[partition, position]]);
}

async function isThere(
  store: Store,
  name: string,
  wanted: ReadonlyMap<number, number>,
): Promise<boolean> {
  const { projections, checkpoints } = store.tables;
  const { rows } = await store.database.pool.query<{ known: boolean; reached: number }>({
    text: `select exists (select from ${projections} where name = $1) as known,
      (select count(*)::int from ${projections} p join ${checkpoints} c on c.build = p.id
        join unnest($2::int[], $3::int8[]) wanted(partition, position)
          on wanted.partition = c.partition and wanted.position <= c.position
        where p.name = $1 and p.state = 'live') as reached`,
    values: [name, [...wanted.keys()], [...wanted.values()]],
  });
  const { known, reached } = rows[0]!;
  if (!known) throw new LedgerError('PROJECTION_NOT_FOUND', `there is no projection ${name}`);
  return reached === wanted.size;
}

async function refuseParked(store: Store, name: string, upTo: string): Promise<void> {
  const { parked, projections } = store.tables;
  const { rows } = await store.database.pool.query<{ error: string }>({
    text: `select error from ${parked} k join ${projections} p on p.id = k.build
      where name = $1 and state = 'live' and job_id = $2`,
    values: [name, await resolveId(store, upTo)],
  });
  if (rows.length === 0) return;
  const message = `projection ${name} has parked job ${upTo}: ${rows[0]!.error}`;
  throw new LedgerError('JOB_PARKED', message);
}
