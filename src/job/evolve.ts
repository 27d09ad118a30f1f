import { formProblem } from './event-versions.js';
import type { EventOf, RecordedEvent } from './events.js';
import {
  canceled,
  cancelRequested,
  failed,
  lost,
  progressed,
  released,
  snoozed,
  started,
  succeeded,
} from './evolve-attempt.js';
import { factsAfter } from './facts.js';
import { illegal, IllegalEvent } from './illegal-event.js';
import { compareInstants } from './instant.js';
import { isWaiting } from './state.js';
import type { JobState } from './state.js';
import { unreachable } from './unreachable.js';

/**
 * The job after one more event. Throws IllegalEvent for an event that cannot follow: skipped, repeated,
 * of another stream, in a form that is not this program's, or against the rules of `decide`. Nothing
 * illegal is ever passed over.
 */
export function evolve(state: JobState | undefined, event: RecordedEvent): JobState {
  const problem = formProblem(event);
  if (problem !== undefined) throw new IllegalEvent(event, problem);
  if (event.type === 'JobEnqueued') return enqueued(state, event);
  if (state === undefined) throw new IllegalEvent(event, 'the stream begins with JobEnqueued');
  if (event.streamId !== state.id) illegal(state, event, `the stream is ${state.id}`);
  if (event.version !== state.version + 1)
    illegal(state, event, `version ${state.version} is last`);
  switch (event.type) {
    case 'JobDeduplicated':
    case 'OutcomeRejected':
      return { ...state, version: event.version, updatedAt: event.recordedAt };
    case 'AttemptStarted':
      return started(state, event);
    case 'ProgressReported':
      return progressed(state, event);
    case 'AttemptSucceeded':
      return succeeded(state, event);
    case 'AttemptFailed':
      return failed(state, event);
    case 'AttemptLost':
      return lost(state, event);
    case 'AttemptReleased':
      return released(state, event);
    case 'JobSnoozed':
      return snoozed(state, event);
    case 'CancelRequested':
      return cancelRequested(state, event);
    case 'JobCanceled':
      return canceled(state, event);
    case 'JobRetried':
      return retried(state, event);
    case 'JobRescheduled':
      return rescheduled(state, event);
    case 'JobReprioritized':
      return reprioritized(state, event);
    case 'JobDiscarded':
      return discarded(state, event);
    default:
      return unreachable(event, 'event');
  }
}

/** The job after its events, from the first on; undefined if there are none. */
export function fold(events: Iterable<RecordedEvent>): JobState | undefined {
  let state: JobState | undefined;
  for (const event of events) state = evolve(state, event);
  return state;
}

function enqueued(state: JobState | undefined, event: EventOf<'JobEnqueued'>): JobState {
  if (state !== undefined) illegal(state, event);
  if (event.version !== 1) throw new IllegalEvent(event, 'a stream begins with version 1');
  const { runAt, ...data } = event.data;
  const facts = {
    id: event.streamId,
    partition: event.partition,
    position: event.position,
    version: event.version,
    kind: event.kind,
    queue: event.queue,
    ...data,
    payloadAt: event.position,
    attempt: 0,
    counted: 0,
    losses: 0,
    meta: event.meta,
    createdAt: event.recordedAt,
    updatedAt: event.recordedAt,
  };
  return runAt !== undefined && compareInstants(runAt, event.recordedAt) > 0
    ? { ...facts, state: 'scheduled', runAt }
    : { ...facts, state: 'available' };
}

/** The latest error stays: the next attempt's handler wants to know why there was a last one. */
function retried(state: JobState, event: EventOf<'JobRetried'>): JobState {
  if (state.state !== 'failed') illegal(state, event);
  const { maxAttempts, payload } = event.data;
  const patched = payload !== undefined && { payload, payloadAt: event.position };
  return { ...factsAfter(state, event), maxAttempts, ...patched, state: 'available' };
}

function rescheduled(state: JobState, event: EventOf<'JobRescheduled'>): JobState {
  const { state: expected, to } = event.data;
  if (state.state !== 'scheduled' && state.state !== 'retrying') illegal(state, event);
  if (expected !== state.state) illegal(state, event);
  return { ...factsAfter(state, event), state: state.state, runAt: to };
}

function reprioritized(state: JobState, event: EventOf<'JobReprioritized'>): JobState {
  if (!isWaiting(state)) illegal(state, event);
  return {
    ...state,
    version: event.version,
    updatedAt: event.recordedAt,
    priority: event.data.to,
  };
}

function discarded(state: JobState, event: EventOf<'JobDiscarded'>): JobState {
  if (!isWaiting(state) && state.state !== 'failed') illegal(state, event);
  const { reason } = event.data;
  return {
    ...factsAfter(state, event),
    state: 'discarded',
    finishedAt: event.recordedAt,
    reason,
  };
}
