import { checkRows } from './dispatch.js';
import { Findings, type Finding } from './findings.js';
import { checkHeldKeys, checkSharedKeys } from './keys.js';
import { LineOrder } from './line-order.js';
import { readEvents } from './logged-event.js';
import { quoteName, rowsOf, type Ask } from './rows.js';
import { END_STATES, type State } from './states.js';
import { Streams } from './streams.js';

/**
 * The second opinion: proves from the events alone that a ledger is as the documents say. It shares no
 * code with what writes the ledger, neither rules nor SQL, so that one mistake cannot hide in both.
 * It owns nothing, only reads, and holds the jobs of one partition at a time, ended ones as a number.
 * `ask` runs on one session, inside a transaction whose snapshot does not move.
 */
export async function checkLedger(ask: Ask, options: CheckOptions = {}): Promise<CheckReport> {
  const { schema = 'jobledger', drained = false, maxFindings = 1_000 } = options;
  const findings = new Findings(maxFindings);
  const place = { schema: quoteName(schema), partitions: await readPartitions(ask, schema) };
  const counts = { events: 0, jobs: 0, transitions: 0, starts: 0, rows: 0, keys: 0 };
  const states = new Map<State, number>();
  for (let partition = 0; partition < place.partitions; partition++) {
    const streams = new Streams(findings, partition, place.partitions);
    const order = new LineOrder(findings);
    counts.events += await checkLog(ask, place.schema, partition, { findings, streams, order });
    counts.rows += await checkRows(ask, place.schema, partition, streams, findings);
    counts.keys += await checkHeldKeys(ask, place, partition, streams, findings);
    if (drained) tellUnended(streams, findings);
    counts.jobs += streams.size;
    counts.transitions += streams.judged;
    counts.starts += order.compared;
    for (const [state, n] of streams.tally()) states.set(state, (states.get(state) ?? 0) + n);
  }
  counts.keys += await checkSharedKeys(ask, place.schema, findings);
  if (drained) await checkInbox(ask, place.schema, findings);
  const { told, found } = findings;
  return { findings: told, found, counts, states: Object.fromEntries(states) };
}

/** What to check beside what always holds. */
export interface CheckOptions {
  /** Schema of the ledger's tables; `jobledger` unless said. */
  readonly schema?: string;
  /** Also that every job has ended and the inbox is empty. */
  readonly drained?: boolean;
  /** Findings told; the rest are only counted. 1,000 unless said. */
  readonly maxFindings?: number;
}

/** What was found, and how much was looked at. */
export interface CheckReport {
  readonly findings: readonly Finding[];
  /** All findings, those that are not told included. */
  readonly found: number;
  readonly counts: {
    readonly events: number;
    readonly jobs: number;
    /** Events held against the state machine. */
    readonly transitions: number;
    /** Starts held against the order of the line. */
    readonly starts: number;
    /** Dispatch rows held against the log. */
    readonly rows: number;
    /** Unique keys, held ones and all that were ever taken. */
    readonly keys: number;
  };
  /** Jobs by the state that the log gives them. */
  readonly states: { readonly [state: string]: number };
}

async function readPartitions(ask: Ask, schema: string): Promise<number> {
  const rows = await ask(`select partitions::text from ${quoteName(schema)}.ledger`);
  return Number(rows[0]!['partitions']);
}

interface LogCheck {
  readonly findings: Findings;
  readonly streams: Streams;
  readonly order: LineOrder;
}

/** One walk along the partition: places and times first, then each event's own stream. */
async function checkLog(ask: Ask, schema: string, partition: number, check: LogCheck) {
  const { findings, streams, order } = check;
  let events = 0;
  let last = { position: 0, at: '' };
  for await (const event of readEvents(ask, schema, partition)) {
    const { position, at } = event;
    if (position !== last.position + 1) {
      const isTwice = position <= last.position;
      const what = isTwice ? `${position} is there twice` : `${last.position + 1} is missing`;
      findings.add('position-gap', event, `position ${what}`);
    }
    if (at < last.at) findings.add('time-step-back', event, `${at} comes after ${last.at}`);
    last = { position, at };
    events += 1;
    const job = streams.take(event);
    if (job !== undefined && event.type === 'AttemptStarted') order.started(job, event);
  }
  return events;
}

function tellUnended(streams: Streams, findings: Findings): void {
  for (const job of streams.live()) {
    if (END_STATES.has(job.state)) continue;
    findings.add('not-ended', { ...job, stream: job.id }, `the job is ${job.state}`);
  }
}

async function checkInbox(ask: Ask, schema: string, findings: Findings): Promise<void> {
  const text = `select id::text, sort, job_id::text, error from ${schema}.inbox i order by i.id`;
  for await (const row of rowsOf(ask, text)) {
    const why = row['error'] === null ? '' : `: ${row['error']}`;
    const where = { partition: null, position: null, stream: row['job_id']! };
    findings.add('inbox-left', where, `inbox row ${row['id']} (${row['sort']}) is there${why}`);
  }
}
