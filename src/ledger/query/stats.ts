import type { Stats } from '../../api-views.js';
import { snapshot } from '../../database.js';
import { CountLines, toldCounts, type Counts, type KnownKinds, type Line } from './count-lines.js';
import { formProblem } from '../../job/event-versions.js';
import type { RecordedEvent } from '../../job/events.js';
import { eventFields, toEvent, type EventRow } from '../read.js';
import { refuseMirror } from '../role.js';
import { clock, iso, type Store } from '../store.js';
import { TOTALS, totalsBetween } from './tally.js';

type Query = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/**
 * All counts on one snapshot, so that the states add up to the jobs enqueued. Ended jobs come from
 * the tallies plus the events behind them, waiting and running ones from the dispatch tables.
 */
export async function readStats(
  store: Store,
  known: { readonly kinds: KnownKinds },
): Promise<Stats> {
  await refuseMirror(store, 'stats of now (with asOf it is told from the read model)');
  return snapshot(store.database, async (query) => {
    const at = await readNow(store, query);
    const totals = await readTotals(store, query);
    const waiting = await readWaiting(store, query, at);
    const lines = new CountLines(known.kinds);
    for (const row of totals) Object.assign(lines.at(row.queue, row.kind), ended(row));
    for (const { queue, kind, state, count } of waiting) lines.at(queue, kind)[state] += count;
    const workers = await readWorkers(store, query);
    const inbox = await readInbox(store, query);
    const sorted = lines.sorted();
    return {
      at,
      enqueued: totals.reduce((sum, row) => sum + row.enqueued, 0) + inbox.waiting,
      ...toldCounts(sorted),
      events: await readEventCount(store, query),
      inbox: { waiting: inbox.waiting, setAside: inbox.setAside },
      unattended: sorted.flatMap((line) => unattended(line, workers)),
      workers: workers.length,
      oldestAvailableMs: await readOldest(store, query, at),
    };
  });
}

interface Totals {
  readonly queue: string;
  readonly kind: string;
  readonly enqueued: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly canceled: number;
  readonly discarded: number;
}

function ended({ succeeded, failed, canceled, discarded }: Totals): Partial<Counts> {
  return { succeeded, failed, canceled, discarded };
}

async function readNow(store: Store, query: Query): Promise<string> {
  const { rows } = await query(`select ${iso(clock('$1'))} as at`, [store.clockShiftMs()]);
  return (rows[0] as { at: string }).at;
}

/** What was enqueued and has ended by now, or up to a position of each partition. */
export async function readTotals(
  store: Store,
  query: Query,
  upTo?: readonly number[],
): Promise<Totals[]> {
  const { tallies } = store.tables;
  const parts = Array.from({ length: store.partitions }, (_, partition) => {
    const end = String(upTo?.[partition] ?? '9223372036854775807');
    const last = `(select coalesce(max(position), 0) from ${tallies}
      where partition = ${partition} and position <= ${end})`;
    return `select queue, kind, ${TOTALS} from ${tallies} where partition = ${partition} and position = ${last}
      union all select queue, kind, ${TOTALS} from (${totalsBetween(store, partition, last, end)}) since`;
  });
  const sums = TOTALS.split(', ').map((name) => `sum(${name})::float8 as ${name}`);
  const { rows } = await query(
    `select queue, kind, ${sums.join(', ')} from (${parts.join(' union all ')}) parts group by queue, kind`,
  );
  return rows as Totals[];
}

interface WaitingCount {
  readonly queue: string;
  readonly kind: string;
  readonly state: 'available' | 'scheduled' | 'retrying' | 'running';
  readonly count: number;
}

/** Jobs that wait or run, by queue, kind and state at a time, rows of the inbox with them. */
export async function readWaiting(store: Store, query: Query, at: string): Promise<WaitingCount[]> {
  const { ready, scheduled, leases, inbox } = store.tables;
  const { rows } = await query(
    `select queue, kind, state, sum(count)::float8 as count from (
      select queue, kind, 'available' as state, count(*) from ${ready} group by queue, kind
      union all select queue, kind, case when run_at <= $1::timestamptz then 'available' else state end, count(*)
        from ${scheduled} group by 1, 2, 3
      union all select queue, kind, 'running', count(*) from ${leases} group by queue, kind
      union all select coalesce(queue, 'default'), kind,
        case when run_at > $1::timestamptz then 'scheduled' else 'available' end, count(*)
        from ${inbox} where sort <> 'duplicate' and set_aside_at is null and kind is not null group by 1, 2, 3) parts
    group by queue, kind, state`,
    [at],
  );
  return rows as WaitingCount[];
}

interface LiveWorker {
  readonly queues: readonly string[];
  readonly kinds: readonly string[];
}

async function readWorkers(store: Store, query: Query): Promise<LiveWorker[]> {
  const { rows } = await query(
    `select queues, kinds from ${store.tables.workers} where dead_at is null and ended_at is null`,
  );
  return rows as LiveWorker[];
}

function unattended(
  { queue, kind, counts }: Line,
  workers: readonly LiveWorker[],
): Stats['unattended'][number][] {
  const waiting = counts.available + counts.scheduled + counts.retrying;
  const attended = workers.some((one) => one.queues.includes(queue) && one.kinds.includes(kind));
  return waiting === 0 || attended ? [] : [{ queue, kind, waiting }];
}

async function readInbox(
  store: Store,
  query: Query,
): Promise<{ waiting: number; setAside: number }> {
  const { rows } = await query(
    `select count(*) filter (where set_aside_at is null and kind is not null)::float8 as waiting,
      count(*) filter (where set_aside_at is not null)::float8 as "setAside"
      from ${store.tables.inbox} where sort <> 'duplicate'`,
  );
  return rows[0] as { waiting: number; setAside: number };
}

async function readEventCount(store: Store, query: Query): Promise<number> {
  const heads = Array.from(
    { length: store.partitions },
    (_, partition) => `coalesce((select position from ${store.tables.eventsOf(partition)}
      where partition = ${partition} order by position desc limit 1), 0)`,
  );
  const { rows } = await query(`select (${heads.join(' + ')})::float8 as events`);
  return (rows[0] as { events: number }).events;
}

/** How long the first of some line has waited: since it was put there, or since it came due. */
async function readOldest(store: Store, query: Query, at: string): Promise<number | null> {
  const oldest = Array.from(
    { length: store.partitions },
    (_, partition) => `select e.* from (select job_id from ${store.tables.ready}
        where partition = ${partition} order by seq limit 1) r
      cross join lateral (select ${eventFields(TIMES)}
        from ${store.tables.eventsOf(partition)} where stream_id = r.job_id
          and type::text not in (${UNMOVED}) order by version desc limit 1) e`,
  );
  const { rows } = await query(oldest.join(' union all '));
  const since = (rows as EventRow[]).map((row) => {
    const event = toEvent(row);
    return Math.max(Date.parse(event.recordedAt), Date.parse(dueOf(event) ?? '') || 0);
  });
  return since.length === 0 ? null : Math.max(0, Date.parse(at) - Math.min(...since));
}

/** What says a time in any version of any event: the rest may be large. */
const TIMES = `jsonb_build_object('runAt', data->'runAt', 'to', data->'to')`;

/** The time that an event gives its job, if it gives one and can be read. */
function dueOf(event: RecordedEvent): string | null | undefined {
  if (formProblem(event) !== undefined) return undefined;
  if (event.type === 'JobRescheduled') return event.data.to;
  return 'runAt' in event.data ? event.data.runAt : undefined;
}

/** Events after which a waiting job stands where it stood. */
const UNMOVED = `'JobDeduplicated', 'ProgressReported', 'OutcomeRejected', 'JobReprioritized'`;
