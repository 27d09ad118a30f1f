import type { StateName } from '../index.js';
import { groupBy } from '../group-by.js';
import { duration } from '../human.js';
import type { Outcome } from '../telemetry.js';
import type { JobTrace, Phase } from '../trace/job-trace.js';
import { spanOfTime, traceRows, type TraceRow } from '../trace/rows.js';
import { bold, dim, inColour, shorten } from './text.js';

/** What a waterfall is drawn with. */
export interface Drawing {
  readonly state: StateName | undefined;
  /** Milliseconds since 1970: until then goes what has not ended. */
  readonly now: number;
  /** Of the terminal; 80 are enough. */
  readonly columns: number;
}

const NUMBER = 5;
const LENGTH = 12;
const OUTCOME = 12;
/** What the columns beside the bars take. */
const BESIDE = NUMBER + 3 * LENGTH + OUTCOME;
/** Rows at each end of a job of very many attempts. */
const SHOWN = 20;

const MARKS: { readonly [W in Phase['what']]: string } = {
  scheduled: '░',
  backoff: '░',
  snoozed: '░',
  waiting: '·',
  running: '█',
};

const COLOUR: { readonly [O in Outcome | 'running']: StateName } = {
  succeeded: 'succeeded',
  retrying: 'retrying',
  failed: 'failed',
  lost: 'failed',
  released: 'scheduled',
  snoozed: 'scheduled',
  canceled: 'canceled',
  rejected: 'canceled',
  running: 'running',
};

/** A job's time as bars, one row per attempt: until it was due, until a worker had it, running. */
export function waterfall(job: JobTrace, drawing: Drawing): string {
  const [from, to] = spanOfTime(job, drawing.now);
  const width = Math.max(12, Math.min(drawing.columns, 120) - 1 - BESIDE);
  const scale = { from, to, width };
  const rows = traceRows(job, drawing.now);
  return [
    ...heading(job, drawing, to - from),
    '',
    dim(header(width, to - from)),
    ...folded(rows).flatMap((row) => (typeof row === 'string' ? [dim(row)] : lines(row, scale))),
    '',
    ...traces(job),
    dim('░ until it was due   · waiting for a worker   █ running'),
  ].join('\n');
}

function heading({ enqueued }: JobTrace, { state }: Drawing, lengthMs: number): string[] {
  const { kind, queue, streamId, partition, position, recordedAt } = enqueued;
  const name = `${bold(shorten(kind, 40))} in queue ${shorten(queue, 30)}`;
  const at = `${recordedAt.slice(0, 10)} ${recordedAt.slice(11, 23)} UTC`;
  const said = state === undefined ? '' : `, ${inColour(state, state)}`;
  const isOver = state === undefined || TERMINAL.has(state);
  const length = `${isOver ? 'after' : 'for'} ${duration(lengthMs)}`;
  return [`${name}${said} ${length}`, dim(`${streamId}  ${partition}/${position}  ${at}`)];
}

const TERMINAL: ReadonlySet<StateName> = new Set(['succeeded', 'failed', 'canceled', 'discarded']);

function header(width: number, lengthMs: number): string {
  const end = duration(lengthMs);
  const axis = `0${end.padStart(Math.max(0, width - 1))}`;
  const names = ['until due', 'waiting', 'running'].map((name) => name.padStart(LENGTH));
  return `${'#'.padStart(NUMBER - 2)}  ${axis.slice(0, width)}${names.join('')}  outcome`;
}

function folded(rows: readonly TraceRow[]): readonly (TraceRow | string)[] {
  if (rows.length <= 2 * SHOWN + 1) return rows;
  const left = rows.length - 2 * SHOWN;
  return [...rows.slice(0, SHOWN), `     … ${left} more (all with --json)`, ...rows.slice(-SHOWN)];
}

interface Scale {
  readonly from: number;
  readonly to: number;
  readonly width: number;
}

function lines(row: TraceRow, scale: Scale): string[] {
  const { attempt, delayMs, waitingMs, runningMs } = row;
  const outcome = attempt === undefined ? undefined : (attempt.outcome ?? 'running');
  const paint = (text: string) => (outcome === undefined ? text : inColour(COLOUR[outcome], text));
  const lengths = [delayMs, waitingMs, attempt === undefined ? 0 : runningMs];
  const shown = lengths.map((ms, index) =>
    (ms === 0 && (index < 2 || attempt === undefined) ? '' : duration(ms)).padStart(LENGTH),
  );
  const number = (attempt === undefined ? '' : String(attempt.attempt)).padStart(NUMBER - 2);
  const line = `${number}  ${bars(row, scale, paint)}${shown.join('')}  ${paint(outcome ?? '')}`;
  const error = attempt?.ending?.error;
  if (error === undefined) return [line.trimEnd()];
  const room = BESIDE + scale.width - NUMBER;
  return [line, dim(`     ${shorten(`${error.category}: ${error.message}`, room)}`)];
}

/** Each phase on its cells; what ran has one at least, since it is what one looks for. */
function bars({ phases }: TraceRow, scale: Scale, paint: (text: string) => string): string {
  const cells = new Array<string>(scale.width).fill(' ');
  for (const { what, from, to } of phases) {
    // What has not begun yet.
    if (to === undefined && from >= scale.to) continue;
    const first = Math.min(cellOf(from, scale), scale.width - 1);
    const end = cellOf(Math.min(to ?? scale.to, scale.to), scale);
    const last = what === 'running' ? Math.max(end, first + 1) : end;
    cells.fill(MARKS[what], first, last);
  }
  return cells.join('').replace(/█+/, paint).replace(/[░·]+/g, dim);
}

function cellOf(at: number, { from, to, width }: Scale): number {
  return to === from ? 0 : Math.round(((at - from) / (to - from)) * width);
}

/** Which traces hold its spans; those that share one stand together. */
function traces({ send, sendRecorded, attempts }: JobTrace): string[] {
  const all = [
    { name: 'enqueue', traceId: send.traceId, recorded: sendRecorded },
    ...attempts.map(({ attempt, span, recorded }) => ({
      ...{ name: `attempt ${attempt}`, traceId: span.traceId, recorded },
    })),
  ].filter(({ recorded }) => recorded);
  const byTrace = groupBy(all, ({ traceId }) => traceId);
  const shown = [...byTrace].map(([traceId, spans]) => {
    return `${dim('trace')} ${traceId}  ${spans.map(({ name }) => name).join(', ')}`;
  });
  if (shown.length === 0) return [];
  return [...shown.slice(0, SHOWN), ...(shown.length > SHOWN ? [dim('…')] : []), ''];
}
