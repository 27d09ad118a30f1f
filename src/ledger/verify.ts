import type { Difference, Verification } from '../api-views.js';
import { snapshot } from '../database.js';
import { evolve } from '../job/evolve.js';
import type { JobState } from '../job/state.js';
import { EVENT_FIELDS, toEvent, type EventRow } from './read.js';
import { clock, iso, type Store } from './store.js';
import { compareDispatch, type DispatchRows } from './verify-dispatch.js';

type Query = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/** Rows of the log read at a time. */
const PAGE = 5_000;
/** Differences told; the rest are only counted. */
const MAX_TOLD = 1_000;

/**
 * Proves, on one snapshot, that positions are dense in every partition, that times never step back,
 * that every stream folds, and that the dispatch tables say what the fold says. Names what differs.
 * Memory holds the jobs of one partition at a time.
 */
export async function verify(store: Store): Promise<Verification> {
  return snapshot(store.database, async (query) => {
    const differences: Difference[] = [];
    const now = await readNow(store, query);
    let events = 0;
    let jobs = 0;
    for (let partition = 0; partition < store.partitions; partition++) {
      const log = await foldPartition(store, query, partition, differences);
      const rows = await readDispatch(store, query, partition);
      differences.push(...compareDispatch(partition, log.states, rows, now));
      events += log.events;
      jobs += log.states.size;
    }
    const notes = await readSetAside(store, query);
    return {
      verified: differences.length === 0,
      events,
      jobs,
      differences: differences.slice(0, MAX_TOLD),
      notes,
    };
  });
}

async function readNow(store: Store, query: Query): Promise<string> {
  const { rows } = await query(`select ${iso(clock('$1'))} as now`, [store.clockShiftMs()]);
  return (rows[0] as { now: string }).now;
}

interface FoldedPartition {
  readonly events: number;
  readonly states: Map<string, JobState>;
}

async function foldPartition(
  store: Store,
  query: Query,
  partition: number,
  differences: Difference[],
): Promise<FoldedPartition> {
  const states = new Map<string, JobState>();
  const broken = new Set<string>();
  let expected = 1;
  let latest = '';
  for (let after = 0, rows: EventRow[] = []; after === 0 || rows.length === PAGE;) {
    rows = (
      await query(
        `select ${EVENT_FIELDS} from ${store.tables.eventsOf(partition)}
        where partition = ${partition} and position > $1 order by position limit ${PAGE}`,
        [after],
      )
    ).rows as EventRow[];
    if (rows.length === 0) break;
    for (const row of rows) {
      if (row.position !== expected) differences.push(gap(partition, expected, row.position));
      if (row.recorded_at < latest) differences.push(stepBack(partition, row));
      [expected, latest, after] = [row.position + 1, row.recorded_at, row.position];
      if (!broken.has(row.stream_id)) foldEvent(states, broken, row, differences);
    }
  }
  return { events: expected - 1, states };
}

function foldEvent(
  states: Map<string, JobState>,
  broken: Set<string>,
  row: EventRow,
  differences: Difference[],
): void {
  const { stream_id: id, partition, position } = row;
  try {
    const state = states.get(id);
    if (row.version !== (state?.version ?? 0) + 1)
      throw new Error(`version ${row.version} out of turn`);
    states.set(id, evolve(state, toEvent(row)));
  } catch (error) {
    broken.add(id);
    const text = `event ${partition}/${position} (${row.type}) cannot follow: ${(error as Error).message}`;
    differences.push({ where: 'stream', partition, jobId: id, text });
  }
}

function gap(partition: number, expected: number, found: number): Difference {
  const text = `expected position ${expected}, found ${found}`;
  return { where: 'position', partition, jobId: null, text };
}

function stepBack(partition: number, row: EventRow): Difference {
  const text = `recorded_at of position ${row.position} is before that of the position before it`;
  return { where: 'position', partition, jobId: row.stream_id, text };
}

async function readDispatch(store: Store, query: Query, partition: number): Promise<DispatchRows> {
  const { ready, scheduled, leases, uniqueKeys, inbox } = store.tables;
  const of = async (table: string, more = '') =>
    (await query(`select *${more} from ${table} where partition = $1`, [partition])).rows;
  const keys = await query(
    `select job_id, scope, key, exists (select from ${inbox} i where i.job_id = k.job_id) as in_inbox
    from ${uniqueKeys} k where get_byte(uuid_send(job_id), 15) % $1::int = $2`,
    [store.partitions, partition],
  );
  return {
    ready: await of(ready),
    scheduled: await of(scheduled, `, ${iso('run_at')} as run_at_iso`),
    leases: await of(leases),
    keys: keys.rows,
  } as DispatchRows;
}

async function readSetAside(store: Store, query: Query): Promise<string[]> {
  const { rows } = await query(
    `select id, job_id, error from ${store.tables.inbox} where set_aside_at is not null order by id limit 100`,
  );
  return (rows as { id: number; job_id: string; error: string }[]).map(
    (row) => `inbox row ${row.id} (job ${row.job_id}) is set aside: ${row.error}`,
  );
}
