import type { EventOf, RecordedEvent, Row } from '../../src/index.js';
import { fold } from '../../src/job/evolve.js';
import { compareInstants } from '../../src/job/instant.js';
import { isTerminal } from '../../src/job/state.js';
import type { History } from './histories.js';

/**
 * What the rows of a read model are, told from the events and the rules of jobs as plainly as it can
 * be, and not from what the engine keeps of jobs. Columns that are only copied are left out.
 */
export const ORACLES: Readonly<Record<string, (history: History) => readonly Row[]>> = {
  jobs: (history) =>
    streams(history).map((events) => {
      const { id, state, version, attempt, updatedAt } = fold(events)!;
      return { id, state, version, attempt, updated_at: updatedAt };
    }),
  'job-states': (history) => streams(history).flatMap(stays),
  'failed-jobs': (history) => streams(history).flatMap(failedJob),
  retries: (history) => streams(history).flatMap(waitingJob),
  attempts: (history) => streams(history).flatMap(attemptsOf),
  throughput: (history) => sums(streams(history).flatMap(happenings)),
  'failure-groups': (history) => groups(history.flat().filter(isFailure)),
};

type Failure = EventOf<'AttemptFailed' | 'AttemptLost'>;
type Ended = Extract<RecordedEvent, { readonly data: { readonly attempt?: number } }>;

function streams(history: History): readonly (readonly RecordedEvent[])[] {
  return grouped(history.flat(), ({ streamId }) => streamId);
}

function isFailure(event: RecordedEvent): event is Failure {
  return event.type === 'AttemptFailed' || event.type === 'AttemptLost';
}

const STAYS: readonly string[] = [
  ...['JobDeduplicated', 'ProgressReported', 'OutcomeRejected', 'CancelRequested'],
  'JobReprioritized',
];

/** A stay that waits for a time is two rows: until then and, as available, from then on. */
function stays(events: readonly RecordedEvent[]): readonly Row[] {
  const moves = events.filter(({ type }) => !STAYS.includes(type));
  return moves.flatMap((event, at) => {
    const job = fold(events.slice(0, events.indexOf(event) + 1))!;
    const { id, state } = job;
    const since = event.recordedAt;
    const until = moves[at + 1]?.recordedAt ?? null;
    const due = 'runAt' in job && compareInstants(job.runAt, since) > 0 ? job.runAt : undefined;
    const row = { id, version: event.version };
    if (due === undefined)
      return [{ ...row, state: 'runAt' in job ? 'available' : state, since, until }];
    const isEarly = until !== null && compareInstants(until, due) < 0;
    const waited = { ...row, state, since, until: isEarly ? until : due };
    return isEarly ? [waited] : [waited, { ...row, state: 'available', since: due, until }];
  });
}

function failedJob(events: readonly RecordedEvent[]): readonly Row[] {
  const job = fold(events)!;
  if (job.state !== 'failed') return [];
  const { id, attempt, counted, maxAttempts, meta, finishedAt, decision } = job;
  const last = events.findLast(isFailure)!;
  const { name, message, category, fingerprint } = last.data.error;
  const limits = { attempt, counted, max_attempts: maxAttempts };
  const error = { error_name: name, error: message, error_category: category };
  return [
    {
      ...{ id, ...limits, tenant: meta.tenant ?? null, failed_at: finishedAt },
      ...{ decision: decision.reason, lost: last.type === 'AttemptLost' },
      ...{ ...error, error_fingerprint: fingerprint },
    },
  ];
}

const SENDS_TO_WAIT = ['JobEnqueued', 'AttemptFailed', 'AttemptLost', 'JobSnoozed'];

function waitingJob(events: readonly RecordedEvent[]): readonly Row[] {
  const job = fold(events)!;
  if (job.state !== 'scheduled' && job.state !== 'retrying') return [];
  const { id, state, runAt, priority, attempt, counted, previousError } = job;
  const last = events.findLast(
    ({ type }) => SENDS_TO_WAIT.includes(type) || type === 'JobRescheduled',
  )!;
  const error = { error: previousError?.message ?? null };
  const row = { id, state, due_at: runAt, waits_since: last.recordedAt, priority, attempt };
  return [{ ...row, counted, ...error, ...whyOf(last) }];
}

function whyOf(event: RecordedEvent): Row {
  const nobody = { actor: null, reason: null };
  if (event.type === 'JobRescheduled') {
    const { actor } = event.meta;
    return { why: 'rescheduled', policy: null, actor, reason: event.data.reason };
  }
  if (!isFailure(event))
    return { why: event.type === 'JobSnoozed' ? 'snoozed' : 'delayed', policy: null, ...nobody };
  const { decision } = event.data;
  const policy = decision.action === 'retry' ? decision.policy : null;
  return { why: decision.reason, policy, ...nobody };
}

const ENDS = new Map([
  ['AttemptSucceeded', 'succeeded'],
  ['AttemptFailed', 'retried'],
  ['AttemptLost', 'lost'],
  ['AttemptReleased', 'released'],
  ['JobSnoozed', 'snoozed'],
  ['JobCanceled', 'canceled'],
]);

function attemptsOf(events: readonly RecordedEvent[]): readonly Row[] {
  return events.flatMap((event, at) => {
    if (event.type !== 'AttemptStarted') return [];
    const { attempt, worker } = event.data;
    const later = events.slice(at + 1).filter((one): one is Ended => attemptOf(one) === attempt);
    const end = later.find(({ type }) => ENDS.has(type));
    const late = later.filter(({ type }) => type === 'OutcomeRejected') as Ended[];
    const data: Partial<Failure['data']> & { durationMs?: number } = end?.data ?? {};
    return [
      {
        ...{ job_id: event.streamId, attempt, worker, started_at: event.recordedAt },
        ...{ wait_ms: waitMs(events, at), run_ms: data.durationMs ?? null },
        ...{ outcome: end === undefined ? 'running' : endOf(end), next_at: data.runAt ?? null },
        ...{ ended_at: end?.recordedAt ?? null, error: data.error?.message ?? null },
        ...{ error_fingerprint: data.error?.fingerprint ?? null },
        late_outcome: (late.at(-1) as EventOf<'OutcomeRejected'> | undefined)?.data.outcome ?? null,
      },
    ];
  });
}

function attemptOf({ data }: RecordedEvent): number | undefined {
  return 'attempt' in data ? data.attempt : undefined;
}

function endOf(event: RecordedEvent): string {
  const isFinal = event.type === 'AttemptFailed' && event.data.decision.action === 'fail';
  return isFinal ? 'failed' : ENDS.get(event.type)!;
}

/** From the time that the job waited for, or else from when it came into line. */
function waitMs(events: readonly RecordedEvent[], at: number): number {
  const since = events.slice(0, at).findLast(({ type }) => WAITS.includes(type))!;
  const { runAt, to }: { runAt?: string; to?: string } = since.data as object;
  const due = runAt ?? to ?? since.recordedAt;
  const from = since.type === 'JobEnqueued' && due < since.recordedAt ? since.recordedAt : due;
  return Math.max(0, Date.parse(events[at]!.recordedAt) - Date.parse(from));
}

const WAITS = [...SENDS_TO_WAIT, 'AttemptReleased', 'JobRetried', 'JobRescheduled'];

interface Happening {
  readonly key: { minute: string; queue: string; kind: string; outcome: string };
  readonly attempts: number;
  readonly jobs: number;
  readonly waitMs: number | undefined;
  readonly runMs: number | undefined;
}

const OTHERS = new Map([
  ...[...ENDS, ['JobEnqueued', 'enqueued'] as const, ['AttemptStarted', 'started'] as const],
  ...[['JobRetried', 'requeued'] as const, ['JobDiscarded', 'discarded'] as const],
]);

/** What moves a job into or out of what is to be done, or an attempt. */
function happenings(events: readonly RecordedEvent[]): readonly Happening[] {
  return events.flatMap((event, at) => {
    const before = at === 0 ? undefined : fold(events.slice(0, at))!.state;
    const wasOver = before === undefined || isTerminal(before);
    const isOver = isTerminal(fold(events.slice(0, at + 1))!.state);
    const attempts = OTHERS.has(event.type) && attemptOf(event) !== undefined ? 1 : 0;
    const jobs = wasOver === isOver ? 0 : 1;
    if (attempts + jobs === 0) return [];
    const minute = `${event.recordedAt.slice(0, 16)}:00.000000Z`;
    const outcome = ENDS.has(event.type) ? endOf(event) : OTHERS.get(event.type)!;
    const key = { minute, queue: event.queue, kind: event.kind, outcome };
    const wait = event.type === 'AttemptStarted' ? waitMs(events, at) : undefined;
    const runMs = 'durationMs' in event.data ? event.data.durationMs : undefined;
    return [{ key, attempts, jobs, waitMs: wait, runMs }];
  });
}

function sums(all: readonly Happening[]): readonly Row[] {
  return grouped(all, ({ key }) => JSON.stringify(key)).map((some) => {
    const sum = (numbers: readonly number[]) => numbers.reduce((one, other) => one + other, 0);
    const waits = some.flatMap((one) => one.waitMs ?? []);
    const runs = some.flatMap((one) => one.runMs ?? []);
    const us = runs.map((ms) => Math.round(ms * 1_000));
    return {
      ...some[0]!.key,
      attempts: sum(some.map((one) => one.attempts)),
      jobs: sum(some.map((one) => one.jobs)),
      ...{ wait_ms: sum(waits), longest_wait_ms: Math.max(0, ...waits), wait: classes(waits) },
      ...{ run_us: sum(us), longest_run_us: Math.max(0, ...us), run: classes(runs) },
    };
  });
}

const LE = [1, 5, 10, 25, 50, 100, 250, 500, 1e3, 2.5e3, 5e3, 1e4, 3e4, 6e4, 3e5, 9e5, 3.6e6];

function classes(all: readonly number[]): readonly number[] {
  const upTo = [...LE, Infinity].map((le) => all.filter((ms) => ms <= le).length);
  return upTo.map((count, at) => count - (upTo[at - 1] ?? 0));
}

function groups(failures: readonly Failure[]): readonly Row[] {
  return grouped(failures, ({ data }) => data.error.fingerprint).map((all) => {
    const { fingerprint } = all[0]!.data.error;
    const times = all.map(({ recordedAt }) => recordedAt).sort();
    const latest = all.filter(({ recordedAt }) => recordedAt === times.at(-1));
    const id = latest
      .map(({ streamId }) => streamId)
      .sort()
      .at(-1)!;
    return {
      ...{ fingerprint, count: all.length, first_seen: times[0], last_seen: times.at(-1) },
      jobs_failed: all.filter(({ data }) => data.decision.action === 'fail').length,
      kinds: [...new Set(all.map(({ kind }) => kind))].sort(),
      queues: [...new Set(all.map(({ queue }) => queue))].sort(),
      job_id: id,
      attempt: latest.findLast(({ streamId }) => streamId === id)!.data.attempt,
    };
  });
}

function grouped<T>(all: readonly T[], keyOf: (one: T) => string): readonly (readonly T[])[] {
  const groups = new Map<string, T[]>();
  for (const one of all) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return [...groups.values()];
}
