import type { EventOf, RecordedEvent } from './events.js';
import { factsAfter } from './facts.js';
import { illegal } from './illegal-event.js';
import { isWaiting } from './state.js';
import type { JobFacts, JobState } from './state.js';

type Running = Extract<JobState, { readonly state: 'running' }>;

/**
 * A start may follow `scheduled` or `retrying` at any recorded time. Only what is due is ever claimed,
 * but a clock that was set back after the promotion must not make the stream unreadable.
 */
export function started(state: JobState, event: EventOf<'AttemptStarted'>): JobState {
  if (!isWaiting(state)) illegal(state, event);
  const { attempt, worker, claim } = event.data;
  if (attempt !== state.attempt + 1) illegal(state, event, `attempt ${state.attempt} was the last`);
  if (state.counted >= state.maxAttempts) illegal(state, event, 'no attempt is left');
  const facts = { ...factsAfter(state, event), attempt, counted: state.counted + 1 };
  return { ...facts, state: 'running', worker, claim, startedAt: event.recordedAt };
}

export function progressed(state: JobState, event: EventOf<'ProgressReported'>): JobState {
  const running = attemptOf(state, event);
  const { fraction, note } = event.data;
  const progress = { fraction, ...(note !== undefined && { note }) };
  return { ...running, version: event.version, updatedAt: event.recordedAt, progress };
}

/** The one ending that survives a requested cancel: the work is done. */
export function succeeded(state: JobState, event: EventOf<'AttemptSucceeded'>): JobState {
  const facts = { ...factsAfter(attemptOf(state, event), event), losses: 0 };
  const { result, resultOmitted } = event.data;
  const finishedAt = event.recordedAt;
  return { ...facts, state: 'succeeded', finishedAt, result, resultOmitted };
}

export function failed(state: JobState, event: EventOf<'AttemptFailed'>): JobState {
  const running = uncanceled(state, event);
  return decided({ ...factsAfter(running, event), losses: 0 }, state, event);
}

export function lost(state: JobState, event: EventOf<'AttemptLost'>): JobState {
  const running = uncanceled(state, event);
  if (event.data.worker !== running.worker)
    illegal(state, event, `worker ${running.worker} has it`);
  return decided({ ...factsAfter(running, event), losses: state.losses + 1 }, state, event);
}

/** Losses stay: being given back by a dying neighbour proves nothing about this job. */
export function released(state: JobState, event: EventOf<'AttemptReleased'>): JobState {
  const facts = factsAfter(uncanceled(state, event), event);
  return { ...facts, counted: state.counted - 1, state: 'available' };
}

export function snoozed(state: JobState, event: EventOf<'JobSnoozed'>): JobState {
  const facts = factsAfter(uncanceled(state, event), event);
  const runAt = event.data.runAt ?? illegal(state, event, 'it has no runAt');
  return { ...facts, counted: state.counted - 1, losses: 0, state: 'scheduled', runAt };
}

export function cancelRequested(state: JobState, event: EventOf<'CancelRequested'>): JobState {
  if (state.state !== 'running') illegal(state, event);
  if (state.cancelRequested !== undefined) illegal(state, event, 'cancel was requested already');
  const { actor } = event.meta;
  const request = { reason: event.data.reason, ...(actor !== undefined && { actor }) };
  return {
    ...state,
    version: event.version,
    updatedAt: event.recordedAt,
    cancelRequested: request,
  };
}

export function canceled(state: JobState, event: EventOf<'JobCanceled'>): JobState {
  const { reason, error, attempt } = event.data;
  if (state.state === 'running') {
    if (state.cancelRequested === undefined) illegal(state, event, 'no cancel was requested');
    if (attempt !== state.attempt) illegal(state, event, `attempt ${state.attempt} is running`);
  } else if (!isWaiting(state)) illegal(state, event);
  const facts = {
    ...factsAfter(state, event),
    ...(error && { previousError: error, errorAt: event.position }),
  };
  return { ...facts, state: 'canceled', finishedAt: event.recordedAt, reason };
}

function attemptOf(
  state: JobState,
  event: RecordedEvent & { readonly data: { readonly attempt: number } },
): Running {
  if (state.state !== 'running') illegal(state, event);
  if (event.data.attempt !== state.attempt) {
    illegal(state, event, `attempt ${state.attempt} is running`);
  }
  return state;
}

/** No ending but success survives a requested cancel. */
function uncanceled(state: JobState, event: Parameters<typeof attemptOf>[1]): Running {
  const running = attemptOf(state, event);
  if (running.cancelRequested !== undefined) illegal(state, event, 'cancel was requested');
  return running;
}

function decided(
  facts: JobFacts,
  state: JobState,
  event: EventOf<'AttemptFailed'> | EventOf<'AttemptLost'>,
): JobState {
  const { decision, error } = event.data;
  const after = { ...facts, previousError: error, errorAt: event.position };
  if (decision.action === 'fail') {
    return { ...after, state: 'failed', finishedAt: event.recordedAt, decision };
  }
  if (state.counted >= state.maxAttempts) illegal(state, event, 'no attempt is left');
  const runAt = event.data.runAt ?? illegal(state, event, 'it has no runAt');
  return { ...after, previousDelayMs: decision.delayMs, state: 'retrying', runAt };
}
