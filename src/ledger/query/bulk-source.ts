import { snapshot } from '../../database.js';
import type { BulkPlan } from './bulk-options.js';
import type { Place } from './cursor.js';
import { isPlain } from './job-filter.js';
import { endingCondition, findAccepted } from './list-queries.js';
import { moveJobs } from '../inbox/move-inbox.js';
import { findRows } from './read-model.js';
import { clock, type Store } from '../store.js';

/** Jobs that may fit, and the place behind them; no place if they are the last. */
export interface Batch {
  readonly ids: readonly string[];
  readonly next: Place | undefined;
}

type Filter = BulkPlan['filter'];

/**
 * The next jobs behind a place. Each job comes once at most, whatever is done to it meanwhile: in the
 * read model newest first; else first what waits or runs, highest id first, so that jobs enqueued
 * meanwhile are not run after; then each partition's failures, from the end of its log backwards, so
 * that one that is retried and fails again is not met again.
 */
export async function nextBatch(
  store: Store,
  filter: Filter,
  after: Place | undefined,
  limit: number,
): Promise<Batch> {
  if (!isPlain(filter)) return batchOfRows(store, filter, after, limit);
  if (after?.in === 'log') return batchOfLog(store, filter, after, limit);
  return batchOfLines(store, filter, after?.in === 'lines' ? after.id : null, limit);
}

async function batchOfRows(
  store: Store,
  filter: Filter,
  after: Place | undefined,
  limit: number,
): Promise<Batch> {
  const key = after?.in === 'jobs' ? after : undefined;
  const found = await snapshot(store.database, (query) =>
    findRows(store, query, filter, key, limit),
  );
  const last = found.length === limit ? found.at(-1) : undefined;
  const next = last && { in: 'jobs' as const, at: last.at, id: last.id };
  return { ids: found.map(({ id }) => id), next };
}

async function batchOfLines(
  store: Store,
  filter: Filter,
  below: string | null,
  limit: number,
): Promise<Batch> {
  const parts = lineParts(store, filter);
  const ids = parts.length === 0 ? [] : await readLines(store, filter, parts, below, limit);
  const failed: Place = { in: 'log', partition: 0, position: Number.MAX_SAFE_INTEGER };
  if (ids.length === limit) return { ids, next: { in: 'lines', id: ids.at(-1)! } };
  return { ids, next: filter.states.includes('failed') ? failed : undefined };
}

/** All in one statement: a job that is promoted or claimed meanwhile stands in exactly one of them. */
async function readLines(
  store: Store,
  { names }: Filter,
  parts: readonly string[],
  below: string | null,
  limit: number,
): Promise<string[]> {
  return snapshot(store.database, async (query) => {
    const { rows } = await query(
      `select id from (${parts.join(' union all ')}) lines order by id desc limit $4`,
      [names.kind ?? null, names.queue ?? null, below, limit, store.clockShiftMs()],
    );
    return (rows as { id: string }[]).map(({ id }) => id);
  });
}

function lineParts(store: Store, { states }: Filter): string[] {
  const { ready, scheduled, leases } = store.tables;
  const now = clock('$5');
  const from = (table: string, where: string): string =>
    `(select job_id as id from ${table} where ($1::text is null or kind = $1)
      and ($2::text is null or queue = $2) and ($3::uuid is null or job_id < $3::uuid) and ${where}
      order by job_id desc limit $4)`;
  const isShifted = '$5::float8 is not null';
  const waits = (state: string) => from(scheduled, `state = '${state}' and run_at > ${now}`);
  return [
    ...(states.includes('available')
      ? [from(ready, isShifted), from(scheduled, `run_at <= ${now}`)]
      : []),
    ...(states.includes('scheduled') ? [waits('scheduled')] : []),
    ...(states.includes('retrying') ? [waits('retrying')] : []),
    ...(states.includes('running') ? [from(leases, isShifted)] : []),
  ];
}

async function batchOfLog(
  store: Store,
  { names }: Filter,
  { partition, position }: Extract<Place, { readonly in: 'log' }>,
  limit: number,
): Promise<Batch> {
  if (partition >= store.partitions) return { ids: [], next: undefined };
  const events = store.tables.eventsOf(partition);
  const { rows } = await store.database.pool.query<{ id: string; position: number }>({
    text: `select stream_id as id, position from ${events} e
      where partition = ${partition} and position < $4 and ${endingCondition('failed', events)}
        and ($1::text is null or kind = $1) and ($2::text is null or queue = $2)
      order by position desc limit $3`,
    values: [names.kind ?? null, names.queue ?? null, limit, position],
  });
  const ids = rows.map(({ id }) => id);
  if (rows.length === limit)
    return { ids, next: { in: 'log', partition, position: rows.at(-1)!.position } };
  const isLast = partition === store.partitions - 1;
  const next = { in: 'log', partition: partition + 1, position: Number.MAX_SAFE_INTEGER } as const;
  return { ids, next: isLast ? undefined : next };
}

const MOVED = 500;
const MOST_MOVES = 20;

/**
 * Brings jobs of callers' own transactions into the ledger, where commands can reach them: the newest
 * 10,000, since movers bring the rest anyway. One whose way is blocked is left.
 */
export async function moveAccepted(store: Store, { states, names }: Filter): Promise<void> {
  if (!states.includes('available') && !states.includes('scheduled')) return;
  let newest: string | undefined;
  for (let page = 0; page < MOST_MOVES; page++) {
    const found = await findAccepted(store, { kind: names.kind, queue: names.queue }, MOVED);
    if (found.length === 0 || found[0]!.id === newest) return;
    newest = found[0]!.id;
    await moveJobs(
      store,
      found.map(({ id }) => id),
    );
  }
}
