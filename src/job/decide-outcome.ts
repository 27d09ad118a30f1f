import type { JobCommand, OutcomeCommand, Rejection, RetryDelay } from './commands.js';
import type { ErrorRecord } from './error-record.js';
import type { EventMeta, FailureDecision, JobEvents, NewEvent } from './events.js';
import type { JobState } from './state.js';
import { unreachable } from './unreachable.js';

type Running = Extract<JobState, { readonly state: 'running' }>;
type Command<T extends JobCommand['type']> = Extract<JobCommand, { readonly type: T }>;

/**
 * What a worker's outcome leads to. An outcome of an attempt that is no longer this worker's is not
 * refused but recorded as OutcomeRejected: somebody ran that code, and the history must say so.
 */
export function decideOutcome(state: JobState, command: OutcomeCommand): readonly NewEvent[] {
  const { attempt, worker, meta } = command;
  if (state.state !== 'running' || state.attempt !== attempt || state.worker !== worker) {
    const data = { attempt, worker, outcome: OUTCOMES[command.type], reason: whyStale(state) };
    return [{ type: 'OutcomeRejected', data, meta }];
  }
  if (state.cancelRequested !== undefined && command.type !== 'SucceedAttempt') {
    return [canceled(state, endingOf(command), meta)];
  }
  switch (command.type) {
    case 'SucceedAttempt':
      return [succeeded(command)];
    case 'FailAttempt':
      return [failed(state, command)];
    case 'ReleaseAttempt':
      return [{ type: 'AttemptReleased', data: { attempt, why: command.why }, meta }];
    case 'SnoozeAttempt':
      return [snoozed(command)];
    default:
      return unreachable(command, 'outcome');
  }
}

/** The reaper's word: the worker that held this attempt is gone. */
export function loseAttempt(
  state: JobState,
  command: Command<'LoseAttempt'>,
): readonly NewEvent[] | Rejection {
  const { attempt, why } = command;
  if (state.state !== 'running' || state.attempt !== attempt) return stale(state, attempt);
  if (state.cancelRequested !== undefined) {
    return [canceled(state, { ending: 'lost', error: command.error })];
  }
  const exhausted = state.counted >= state.maxAttempts;
  const decision: FailureDecision = exhausted
    ? { action: 'fail', reason: 'exhausted', ...noteOf(command.delay) }
    : retry('lost', command.delay);
  const error = { ...command.error, ...(exhausted && { lastAttempt: true }) };
  return [{ type: 'AttemptLost', data: { attempt, worker: state.worker, why, error, decision } }];
}

/** A canceled handler had its grace and did not return: the lease ends without it. */
export function endCanceled(
  state: JobState,
  command: Command<'EndCanceledAttempt'>,
): readonly NewEvent[] | Rejection {
  if (state.state !== 'running' || state.attempt !== command.attempt) {
    return stale(state, command.attempt);
  }
  if (state.cancelRequested === undefined) {
    const message = `job ${state.id} is running; nobody asked to cancel it`;
    return { rejected: 'ILLEGAL_STATE', message };
  }
  return [canceled(state, { ending: 'grace-elapsed' })];
}

/** What an outcome is called in events. */
export const OUTCOMES = {
  SucceedAttempt: 'succeeded',
  FailAttempt: 'failed',
  ReleaseAttempt: 'released',
  SnoozeAttempt: 'snoozed',
} as const satisfies Record<OutcomeCommand['type'], string>;

type Ending = Pick<JobEvents['JobCanceled'], 'ending' | 'durationMs' | 'error'>;

function endingOf(command: Exclude<OutcomeCommand, { readonly type: 'SucceedAttempt' }>): Ending {
  const ending = OUTCOMES[command.type];
  switch (command.type) {
    case 'FailAttempt':
      return { ending, durationMs: command.durationMs, error: command.error };
    case 'SnoozeAttempt':
      return { ending, durationMs: command.durationMs };
    case 'ReleaseAttempt':
      return { ending };
    default:
      return unreachable(command, 'outcome');
  }
}

/** The end is the canceler's doing, so its actor signs it, whatever the attempt ran into meanwhile. */
function canceled(state: Running, ending: Ending, meta?: EventMeta): NewEvent {
  const { reason, actor } = state.cancelRequested ?? { reason: '' };
  const data = { reason, from: 'running', attempt: state.attempt, ...ending } as const;
  return { type: 'JobCanceled', data, meta: { ...meta, ...(actor !== undefined && { actor }) } };
}

/** A success ends a job whatever else it is. */
export function succeeded(command: Command<'SucceedAttempt'>): NewEvent {
  const { attempt, startedAt, durationMs, result, resultOmitted, meta } = command;
  const common = { attempt, startedAt, durationMs };
  const data =
    result !== undefined
      ? { ...common, result }
      : resultOmitted !== undefined
        ? { ...common, resultOmitted }
        : common;
  return { type: 'AttemptSucceeded', data, meta };
}

function failed(state: Running, command: Command<'FailAttempt'>): NewEvent {
  const { attempt, startedAt, durationMs, meta } = command;
  const error: ErrorRecord =
    state.counted >= state.maxAttempts ? { ...command.error, lastAttempt: true } : command.error;
  const data = { attempt, startedAt, durationMs, error, decision: decisionOf(state, command) };
  return { type: 'AttemptFailed', data, meta };
}

function decisionOf(state: Running, command: Command<'FailAttempt'>): FailureDecision {
  const { cause, error, delay } = command;
  if (cause !== undefined) return { action: 'fail', reason: cause, ...noteOf(delay) };
  if (!error.retryable) return { action: 'fail', reason: 'non-retryable', ...noteOf(delay) };
  if (state.counted >= state.maxAttempts) {
    return { action: 'fail', reason: 'exhausted', ...noteOf(delay) };
  }
  return retry(error.retryAfterMs === undefined ? 'retryable' : 'retry-after', delay);
}

function retry(reason: 'retryable' | 'retry-after' | 'lost', delay: RetryDelay): FailureDecision {
  const { policy, delayMs } = delay;
  return { action: 'retry', reason, policy, delayMs, ...noteOf(delay) };
}

function noteOf(delay: RetryDelay): { readonly note?: string } {
  return delay.note === undefined ? {} : { note: delay.note };
}

function snoozed(command: Command<'SnoozeAttempt'>): NewEvent {
  const { attempt, startedAt, durationMs, delayMs, runAt, meta } = command;
  const until = runAt === undefined ? { delayMs: delayMs ?? 0 } : { runAt };
  return { type: 'JobSnoozed', data: { attempt, startedAt, durationMs, ...until }, meta };
}

function whyStale(state: JobState): string {
  return state.state === 'running'
    ? `attempt ${state.attempt} is running at worker ${state.worker}`
    : `the job is ${state.state} after attempt ${state.attempt}`;
}

function stale(state: JobState, attempt: number): Rejection {
  const message = `job ${state.id} is ${state.state}; attempt ${attempt} is not running`;
  return { rejected: 'STALE_ATTEMPT', message };
}
