import type { Findings } from './findings.js';
import { rowsOf, timeText, type Ask, type Row } from './rows.js';
import type { Stream } from './stream.js';
import type { Streams } from './streams.js';

const TABLES = ['ready', 'scheduled', 'leases'] as const;
type Table = (typeof TABLES)[number];

/** What each table says beside what all say. */
const OWN_COLUMNS: { readonly [T in Table]: string } = {
  ready: '',
  scheduled: `, state, ${timeText('run_at')} as run_at`,
  leases: `, worker::text, claim::text, (cancel_at is not null)::text as canceling`,
};

/** Holds the dispatch rows of a partition against its streams, both ways. Gives their number. */
export async function checkRows(
  ask: Ask,
  schema: string,
  partition: number,
  streams: Streams,
  findings: Findings,
): Promise<number> {
  const placed = new Set<string>();
  let rows = 0;
  for (const table of TABLES) {
    const text = `select job_id::text, version::text, attempt::text, counted::text, max_attempts::text,
        priority::text, losses::text, queue, kind, position::text,
        coalesce(payload_at, position)::text as payload_at, error_at::text${OWN_COLUMNS[table]}
      from ${schema}.${table} where partition = ${partition}`;
    for await (const row of rowsOf(ask, text)) {
      rows += 1;
      checkRow(table, row, partition, { streams, findings, placed });
    }
  }
  for (const job of streams.live()) {
    if (job.state === 'failed' || placed.has(job.id)) continue;
    const text = `the job is ${job.state}, and no dispatch table has it`;
    findings.add('dispatch-missing', { ...job, stream: job.id }, text);
  }
  return rows;
}

interface RowCheck {
  readonly streams: Streams;
  readonly findings: Findings;
  readonly placed: Set<string>;
}

function checkRow(table: Table, row: Row, partition: number, check: RowCheck): void {
  const { streams, findings, placed } = check;
  const id = row['job_id']!;
  const where = { partition, position: null, stream: id };
  if (streams.isDamaged(id)) return;
  if (placed.has(id)) return findings.add('dispatch-twice', where, `once more in ${table}`);
  placed.add(id);
  const job = streams.get(id);
  if (job === undefined || job.state === 'failed') {
    const state = job?.state ?? streams.endOf(id) ?? 'not in the log';
    return findings.add('dispatch-stray', where, `stands in ${table}, but the job is ${state}`);
  }
  const problem = inWrongTable(table, job) ?? differences(table, row, job);
  if (problem !== undefined) findings.add('dispatch-differs', where, `${table}: ${problem}`);
}

/** A job with a time may have come due, and then stands in line. */
function inWrongTable(table: Table, job: Stream): string | undefined {
  const fits = {
    ready: job.state !== 'running',
    scheduled: job.state === 'scheduled' || job.state === 'retrying',
    leases: job.state === 'running',
  }[table];
  return fits ? undefined : `the log says ${job.state}`;
}

function differences(table: Table, row: Row, job: Stream): string | undefined {
  const expected: Record<string, string | number | boolean | null | undefined> = {
    ...{ version: job.version, attempt: job.attempt, counted: job.counted, kind: job.kind },
    ...{ max_attempts: job.limit, priority: job.priority, losses: job.losses, queue: job.queue },
    ...{ position: job.position, payload_at: job.payloadAt, error_at: job.errorAt },
    ...(table === 'scheduled' && { state: job.state, run_at: job.runAt }),
    ...(table === 'leases' && { worker: job.worker, claim: job.claim, canceling: job.canceling }),
  };
  const wrong = Object.entries(expected).filter(([name, value]) => {
    const said = row[name] ?? null;
    return said !== (value === undefined || value === null ? null : String(value));
  });
  if (wrong.length === 0) return undefined;
  return wrong.map(([name, value]) => `${name} is ${row[name]}, by the log ${value}`).join('; ');
}
