import { duration, percent } from '../human.js';
import { formProblem } from '../job/event-versions.js';
import type { ErrorRecord, FailureDecision, RecordedEvent, WorkerInfo } from '../index.js';
import { shorten, time } from './text.js';

type Workers = ReadonlyMap<number, WorkerInfo>;

/** The workers that events name, as far as this program can read the events. */
export function workersIn(events: readonly RecordedEvent[]): ReadonlySet<number> {
  const readable = events.filter((event) => formProblem(event) === undefined);
  const named = readable.flatMap(({ data }) => ('worker' in data ? [data.worker] : []));
  return new Set(named.filter((id) => Number.isInteger(id)));
}

/** What happened, in a sentence. An event of a version or type that is not known is shown raw, with a note. */
export function describeEvent(event: RecordedEvent, workers: Workers): string {
  const raw = shorten(JSON.stringify(event.data), 200);
  const problem = formProblem(event);
  if (problem !== undefined) return `(${problem}) ${raw}`;
  const actor = event.meta.actor === undefined ? '' : `, by ${event.meta.actor}`;
  switch (event.type) {
    case 'JobEnqueued':
      return `${enqueued(event.data)}${actor}`;
    case 'JobDeduplicated':
      return `asked for again ${timesText(event.data.times)} by ${event.data.by ?? 'somebody'}`;
    case 'AttemptStarted':
      return `attempt ${event.data.attempt} on ${workerText(event.data.worker, workers)}`;
    case 'ProgressReported': {
      const { attempt, fraction, note } = event.data;
      return `attempt ${attempt} at ${percent(fraction)}${note === undefined ? '' : `: ${note}`}`;
    }
    case 'CancelRequested':
    case 'JobCanceled':
    case 'JobRetried':
    case 'JobRescheduled':
    case 'JobReprioritized':
    case 'JobDiscarded':
      return `${operated(event)}${actor}: ${event.data.reason}`;
    case 'AttemptSucceeded':
    case 'AttemptFailed':
    case 'AttemptLost':
    case 'AttemptReleased':
    case 'JobSnoozed':
    case 'OutcomeRejected':
      return ended(event, workers);
    default: {
      const unknown: never = event;
      return String(unknown);
    }
  }
}

type Ending = Extract<
  RecordedEvent,
  {
    type:
      | 'AttemptSucceeded'
      | 'AttemptFailed'
      | 'AttemptLost'
      | 'AttemptReleased'
      | 'JobSnoozed'
      | 'OutcomeRejected';
  }
>;

function ended(event: Ending, workers: Workers): string {
  const attempt = `attempt ${event.data.attempt}`;
  switch (event.type) {
    case 'AttemptSucceeded': {
      const { durationMs, result, resultOmitted } = event.data;
      const shown = result === undefined ? '' : `: ${shorten(JSON.stringify(result), 100)}`;
      const omitted = resultOmitted === undefined ? '' : `; result left out: ${resultOmitted}`;
      return `${attempt} after ${duration(durationMs)}${shown}${omitted}`;
    }
    case 'AttemptFailed': {
      const { durationMs, error, decision, runAt } = event.data;
      return `${attempt} after ${duration(durationMs)}: ${errorText(error)}; ${decided(decision, runAt)}`;
    }
    case 'AttemptLost': {
      const { worker, why, decision, runAt } = event.data;
      return `${attempt}, ${workerText(worker, workers)}: ${why}; ${decided(decision, runAt)}`;
    }
    case 'AttemptReleased':
      return `${attempt} given back, not counted: ${event.data.why}`;
    case 'JobSnoozed':
      return `${attempt} after ${duration(event.data.durationMs)}, not counted; again at ${time(event.data.runAt)}`;
    case 'OutcomeRejected': {
      const { worker, outcome, reason } = event.data;
      return `${attempt} of ${workerText(worker, workers)}: ${outcome} came too late: ${reason}`;
    }
    default: {
      const unknown: never = event;
      return String(unknown);
    }
  }
}

type Operated = Extract<
  RecordedEvent,
  { data: { reason: string }; type: `Job${string}` | 'CancelRequested' }
>;

function operated(event: Operated): string {
  switch (event.type) {
    case 'CancelRequested':
      return 'while running';
    case 'JobCanceled': {
      const { attempt, ending, from } = event.data;
      return attempt === undefined
        ? `while ${from}`
        : `attempt ${attempt} ended: ${ending ?? 'canceled'}`;
    }
    case 'JobRetried': {
      const { extraAttempts, maxAttempts, payload } = event.data;
      const patched = payload === undefined ? '' : ', with a new payload';
      return `${extraAttempts} more, ${maxAttempts} in all${patched}`;
    }
    case 'JobRescheduled':
      return `from ${time(event.data.from)} to ${time(event.data.to)}`;
    case 'JobReprioritized':
      return `priority from ${event.data.from} to ${event.data.to}`;
    case 'JobDiscarded':
      return `while ${event.data.from}`;
    default: {
      const unknown: never = event;
      return String(unknown);
    }
  }
}

function enqueued(data: Extract<RecordedEvent, { type: 'JobEnqueued' }>['data']): string {
  const due = data.runAt === undefined ? '' : `, due ${time(data.runAt)}`;
  const priority = data.priority === 0 ? '' : `, priority ${data.priority}`;
  const unique = data.unique === undefined ? '' : `, unique key ${data.unique.key}`;
  const attempts = data.maxAttempts === 1 ? '1 attempt' : `${data.maxAttempts} attempts`;
  return `payload ${shorten(JSON.stringify(data.payload), 100)}, ${attempts}${priority}${due}${unique}`;
}

function timesText(times: number): string {
  return times === 1 ? 'once,' : `${times} times, last`;
}

function decided(decision: FailureDecision, runAt: string | undefined): string {
  const note = decision.note === undefined ? '' : ` (${decision.note})`;
  if (decision.action === 'fail') return `the job failed: ${decision.reason}${note}`;
  const at = runAt === undefined ? '' : `, at ${time(runAt)}`;
  return `again in ${duration(decision.delayMs)}${at} by ${decision.policy}${note}`;
}

function errorText({ name, message, category }: ErrorRecord): string {
  return `${name} (${category}): ${shorten(message, 160)}`;
}

function workerText(id: number, workers: Workers): string {
  const info = workers.get(id);
  return info === undefined ? `worker ${id}` : `worker ${id} (${info.host}, pid ${info.pid})`;
}
