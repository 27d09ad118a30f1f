import type { SpanContext } from '@opentelemetry/api';
import { formProblem } from '../job/event-versions.js';
import type { EventOf, NewEvent, RecordedEvent } from '../job/events.js';
import { unreachable } from '../job/unreachable.js';
import { spanContextOf } from '../tracing.js';
import type { Outcome } from '../telemetry.js';
import { endingOf, type SpanEnding } from './ending.js';
import { derivedSpan } from './ids.js';

/** What a job did with a stretch of its time. */
export interface Phase {
  readonly what: 'scheduled' | 'waiting' | 'running' | 'backoff' | 'snoozed';
  readonly from: number;
  /** Undefined for what still goes on. */
  readonly to: number | undefined;
  /** The attempt that it belongs to: of waiting, the one that it ended with, if it did. */
  readonly attempt: number | undefined;
}

/** One attempt, as far as the events tell of it. Times are milliseconds since 1970, with fractions. */
export interface AttemptTrace {
  readonly attempt: number;
  readonly worker: number;
  readonly claimedAt: number;
  readonly startedAt: number;
  readonly endedAt: number | undefined;
  readonly outcome: Outcome | undefined;
  readonly ending: SpanEnding | undefined;
  readonly span: SpanContext;
  /** False if the ids were derived, since no event has them. */
  readonly recorded: boolean;
}

/** What a job's events say of its time and its spans. */
export interface JobTrace {
  readonly enqueued: EventOf<'JobEnqueued'>;
  readonly enqueuedAt: number;
  readonly send: SpanContext;
  readonly sendRecorded: boolean;
  readonly attempts: readonly AttemptTrace[];
  readonly phases: readonly Phase[];
}

/** Reads a job's events; undefined if they do not begin with an enqueue that this program can read. */
export function jobTrace(events: readonly RecordedEvent[]): JobTrace | undefined {
  const readable = events.filter((event) => formProblem(event) === undefined);
  const [enqueued] = readable;
  if (enqueued?.type !== 'JobEnqueued') return undefined;
  const send = spanContextOf(enqueued.meta);
  const attempts = attemptsOf(readable);
  return {
    enqueued,
    enqueuedAt: timeOf(enqueued.recordedAt),
    send: send ?? derivedSpan(enqueued.streamId, 0),
    sendRecorded: send !== undefined,
    attempts,
    phases: phasesOf(readable, attempts),
  };
}

function attemptsOf(events: readonly RecordedEvent[]): AttemptTrace[] {
  const started = events.filter((event) => event.type === 'AttemptStarted');
  return started.map((start) => attemptOf(start, endOf(events, start.data.attempt)));
}

/** The event that decided it. A rejected outcome decided nothing. */
function endOf(events: readonly RecordedEvent[], attempt: number): Ending | undefined {
  return events.find((event): event is Ending => {
    if (event.type === 'OutcomeRejected' || endingOf(event as NewEvent) === undefined) return false;
    return 'attempt' in event.data && event.data.attempt === attempt;
  });
}

type Ending = EventOf<
  | 'AttemptSucceeded'
  | 'AttemptFailed'
  | 'AttemptLost'
  | 'AttemptReleased'
  | 'JobSnoozed'
  | 'JobCanceled'
>;

function attemptOf(start: EventOf<'AttemptStarted'>, end: Ending | undefined): AttemptTrace {
  const { attempt, worker } = start.data;
  const claimedAt = timeOf(start.recordedAt);
  const data = (end?.data ?? {}) as { readonly startedAt?: string; readonly durationMs?: number };
  const startedAt = data.startedAt === undefined ? claimedAt : timeOf(data.startedAt);
  const span = end === undefined ? undefined : spanContextOf(end.meta);
  const ending = end === undefined ? undefined : endingOf(end as NewEvent);
  return {
    ...{ attempt, worker, claimedAt, startedAt },
    endedAt: end === undefined ? undefined : endTime(startedAt, data.durationMs, end),
    outcome: ending?.outcome,
    ending,
    span: span ?? derivedSpan(start.streamId, attempt),
    recorded: span !== undefined,
  };
}

/** Of what was lost or given back nobody knows when it ended, only when that was recorded. */
function endTime(startedAt: number, durationMs: number | undefined, end: Ending): number {
  return durationMs === undefined ? timeOf(end.recordedAt) : startedAt + durationMs;
}

/** A wait that has not ended: for a time to come, then for a worker. */
interface Wait {
  readonly what: 'scheduled' | 'backoff' | 'snoozed';
  readonly since: number;
  readonly due: number;
  readonly after: number | undefined;
}

function phasesOf(events: readonly RecordedEvent[], attempts: readonly AttemptTrace[]): Phase[] {
  const phases: Phase[] = [];
  let wait: Wait | undefined;
  for (const event of events) {
    const at = timeOf(event.recordedAt);
    if (event.type === 'AttemptStarted') {
      const one = attempts.find(({ attempt }) => attempt === event.data.attempt)!;
      if (wait !== undefined) phases.push(...waited(wait, one.startedAt, one.attempt));
      phases.push({ what: 'running', from: one.startedAt, to: one.endedAt, attempt: one.attempt });
      wait = undefined;
    } else if (wait !== undefined && isEnd(event)) {
      phases.push(...waited(wait, at, undefined));
      wait = undefined;
    } else wait = waitAfter(event, wait, attempts) ?? wait;
  }
  return wait === undefined ? phases : [...phases, ...waited(wait, undefined, undefined)];
}

function isEnd({ type }: RecordedEvent): boolean {
  return type === 'JobCanceled' || type === 'JobDiscarded';
}

/** The wait that an event begins, or changes. */
function waitAfter(
  event: RecordedEvent,
  wait: Wait | undefined,
  attempts: readonly AttemptTrace[],
): Wait | undefined {
  const at = timeOf(event.recordedAt);
  switch (event.type) {
    case 'JobEnqueued':
      return { what: 'scheduled', since: at, due: dueOf(event.data.runAt, at), after: undefined };
    case 'JobRetried':
      return { what: 'scheduled', since: at, due: at, after: undefined };
    case 'JobRescheduled':
      return wait && { ...wait, due: timeOf(event.data.to) };
    case 'AttemptFailed':
    case 'AttemptLost':
      if (event.data.decision.action === 'fail') return undefined;
      return behind('backoff', event.data, at, attempts);
    case 'JobSnoozed':
      return behind('snoozed', event.data, at, attempts);
    case 'AttemptReleased':
      return behind('backoff', event.data, at, attempts);
    case 'JobDeduplicated':
    case 'AttemptStarted':
    case 'ProgressReported':
    case 'AttemptSucceeded':
    case 'OutcomeRejected':
    case 'CancelRequested':
    case 'JobCanceled':
    case 'JobReprioritized':
    case 'JobDiscarded':
      return undefined;
    default:
      return unreachable(event, 'event');
  }
}

function behind(
  what: Wait['what'],
  data: { readonly attempt: number; readonly runAt?: string },
  at: number,
  attempts: readonly AttemptTrace[],
): Wait {
  const since = attempts.find(({ attempt }) => attempt === data.attempt)?.endedAt ?? at;
  return { what, since, due: dueOf(data.runAt, since), after: data.attempt };
}

function dueOf(runAt: string | undefined, otherwise: number): number {
  return runAt === undefined ? otherwise : timeOf(runAt);
}

/** The time until it was due, and from then on the wait for a worker; what took no time is left out. */
function waited(wait: Wait, to: number | undefined, attempt: number | undefined): Phase[] {
  const { what, since, after } = wait;
  const due = to === undefined ? wait.due : Math.min(wait.due, to);
  const isLater = due > since;
  const until: Phase = { what, from: since, to: due, attempt: after };
  const then: Phase = { what: 'waiting', from: Math.max(due, since), to, attempt };
  return [...(isLater ? [until] : []), ...(to === undefined || to > then.from ? [then] : [])];
}

/** Microseconds kept, which a Date would drop. */
export function timeOf(iso: string): number {
  const micros = Number(/\.\d{3}(\d{1,3})Z$/.exec(iso)?.[1]?.padEnd(3, '0') ?? 0);
  return Date.parse(iso) + micros / 1_000;
}
