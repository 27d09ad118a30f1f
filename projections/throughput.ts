import {
  column,
  defineProjection,
  type Column,
  type JobSoFar,
  type RecordedEvent,
  type RowOf,
} from 'jobledger';
import { outcomeOf } from './outcome.ts';

/**
 * The upper ends of the classes of a histogram, in milliseconds. The table holds how many fell into
 * each, in this order; the view shows it by upper end: `{ "1": "0", "5": "12", … }`.
 */
const LE_MS = [
  ...[1, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000],
  ...[60_000, 300_000, 900_000, 3_600_000, Infinity],
];
const EMPTY = LE_MS.map(() => 0);

const histogram = column.json as Column<readonly number[]>;

const columns = {
  minute: column.timestamp,
  queue: column.text,
  kind: column.text,
  /** How attempts ended, as in `outcome.ts`; and `enqueued`, `started`, `requeued`, `discarded`. */
  outcome: column.text,
  /** Attempts that began (`started`) or ended thus; each counts once as begun and once as ended. */
  attempts: column.bigint,
  /** Jobs that came (`enqueued`; `requeued`: retried by an operator) or that were over by it. */
  jobs: column.bigint,
  /** Of `started`, from due to begun: in all, the longest, and how many waited how long. */
  wait_ms: column.bigint,
  longest_wait_ms: column.bigint,
  wait: histogram,
  /** The same of how long the attempts ran, where it is known: microseconds, but classes as above. */
  run_us: column.bigint,
  longest_run_us: column.bigint,
  run: histogram,
};

type Row = RowOf<typeof columns>;

/**
 * What went on in each minute. What adds up here is whole numbers, never fractions: those give another
 * sum in another order, and a rebuild reads one partition after another.
 */
export const throughput = defineProjection({
  name: 'throughput',
  version: 1,
  columns,
  key: ['minute', 'queue', 'kind', 'outcome'],
  rows: (event) => {
    const outcome = outcomeOf(event) ?? otherwise(event);
    if (outcome === undefined) return undefined;
    return { minute: minuteOf(event), queue: event.queue, kind: event.kind, outcome };
  },
  on: (row, event, job, key) => added(row ?? nothing(key), event, job),
  view: { wait: byUpperEnd('wait'), run: byUpperEnd('run') },
});

/** What happened, if no attempt ended. A discarded job that had failed was over before. */
function otherwise({ type, data }: RecordedEvent): string | undefined {
  if (type === 'JobEnqueued') return 'enqueued';
  if (type === 'AttemptStarted') return 'started';
  if (type === 'JobRetried') return 'requeued';
  if (type === 'JobCanceled') return 'canceled';
  return type === 'JobDiscarded' && data.from !== 'failed' ? 'discarded' : undefined;
}

function minuteOf({ recordedAt }: RecordedEvent): string {
  return `${recordedAt.slice(0, 16)}:00.000000Z`;
}

function nothing(key: Pick<Row, 'minute' | 'queue' | 'kind' | 'outcome'>): Row {
  const wait = { wait_ms: 0, longest_wait_ms: 0, wait: EMPTY };
  return { ...key, attempts: 0, jobs: 0, ...wait, run_us: 0, longest_run_us: 0, run: EMPTY };
}

function added(row: Row, event: RecordedEvent, job: JobSoFar): Row {
  const waitMs = event.type === 'AttemptStarted' ? job.waitMs : undefined;
  const runMs = 'durationMs' in event.data ? event.data.durationMs : undefined;
  const isAttempt = 'attempt' in event.data && event.data.attempt !== undefined;
  const comesOrIsOver =
    event.type === 'JobEnqueued' || event.type === 'JobRetried' || job.finishedAt !== null;
  const runUs = Math.round((runMs ?? 0) * 1_000);
  return {
    minute: row.minute,
    queue: row.queue,
    kind: row.kind,
    outcome: row.outcome,
    attempts: row.attempts + (isAttempt ? 1 : 0),
    jobs: row.jobs + (comesOrIsOver ? 1 : 0),
    wait_ms: row.wait_ms + (waitMs ?? 0),
    longest_wait_ms: Math.max(row.longest_wait_ms, waitMs ?? 0),
    wait: withOne(row.wait, waitMs),
    run_us: row.run_us + runUs,
    longest_run_us: Math.max(row.longest_run_us, runUs),
    run: withOne(row.run, runMs),
  };
}

function withOne(counts: readonly number[], ms: number | null | undefined): readonly number[] {
  if (ms === undefined || ms === null) return counts;
  const at = LE_MS.findIndex((le) => ms <= le);
  const next = [...counts];
  next[at] = counts[at]! + 1;
  return next;
}

function byUpperEnd(name: string): string {
  return `jsonb_object('{${LE_MS.join()}}', array(select jsonb_array_elements_text(${name})))`;
}
