import type { JobCommand, Rejection } from './commands.js';
import { decideOperator } from './decide-operator.js';
import { decideOutcome, endCanceled, loseAttempt } from './decide-outcome.js';
import type { NewEvent } from './events.js';
import type { JobState } from './state.js';
import { unreachable } from './unreachable.js';

/*
 * The rules of a job's life. `decide` says which events follow from a command, `evolve` what a job is
 * after an event. Both are pure: no clock, no I/O, no randomness, so that the same stream always folds
 * to the same state, in every process and for ever. Times are stamped by the append (`runAt` from
 * `delayMs`), which alone knows the database's clock. Nothing here knows tables, workers or handlers.
 */

/** The events that a command leads to, or why it is refused. A refused command changes nothing. */
export function decide(
  state: JobState | undefined,
  command: JobCommand,
): readonly NewEvent[] | Rejection {
  if (command.type === 'EnqueueJob') return enqueue(state, command);
  if (state === undefined) {
    return { rejected: 'JOB_NOT_FOUND', message: `${command.type}: there is no such job` };
  }
  switch (command.type) {
    case 'StartAttempt':
      return start(state, command);
    case 'SucceedAttempt':
    case 'FailAttempt':
    case 'ReleaseAttempt':
    case 'SnoozeAttempt':
      return decideOutcome(state, command);
    case 'LoseAttempt':
      return loseAttempt(state, command);
    case 'EndCanceledAttempt':
      return endCanceled(state, command);
    case 'ReportProgress':
      return progress(state, command);
    case 'RecordDuplicate':
      return [{ type: 'JobDeduplicated', data: { times: command.times, by: command.by } }];
    case 'RejectOutcome': {
      const { type: _, ...data } = command;
      return [{ type: 'OutcomeRejected', data }];
    }
    case 'CancelJob':
    case 'RetryJob':
    case 'DiscardJob':
    case 'RescheduleJob':
    case 'ReprioritizeJob':
      return decideOperator(state, command);
    default:
      return unreachable(command, 'command');
  }
}

/** True if a command was refused. */
export function isRejection(answer: readonly NewEvent[] | Rejection): answer is Rejection {
  return 'rejected' in answer;
}

type Command<T extends JobCommand['type']> = Extract<JobCommand, { readonly type: T }>;
type Answer = readonly NewEvent[] | Rejection;

function enqueue(state: JobState | undefined, command: Command<'EnqueueJob'>): Answer {
  if (state !== undefined) {
    return { rejected: 'JOB_EXISTS', message: `job ${state.id} exists already` };
  }
  return [{ type: 'JobEnqueued', data: command.data, meta: command.meta }];
}

/**
 * Legal from every waiting state: whether a time has come is the promoter's to know, by the
 * database's clock, and only what is due gets into the table that workers claim from.
 */
function start(state: JobState, command: Command<'StartAttempt'>): Answer {
  if (state.state !== 'scheduled' && state.state !== 'available' && state.state !== 'retrying') {
    return illegal(state, 'only a waiting job can start');
  }
  const { worker, claim } = command;
  return [{ type: 'AttemptStarted', data: { attempt: state.attempt + 1, worker, claim } }];
}

function progress(state: JobState, command: Command<'ReportProgress'>): Answer {
  const { attempt, worker, fraction, note } = command;
  if (state.state !== 'running' || state.attempt !== attempt || state.worker !== worker) {
    return {
      rejected: 'STALE_ATTEMPT',
      message: `job ${state.id} is ${state.state}; attempt ${attempt} no longer runs at this worker`,
    };
  }
  const data = { attempt, fraction, ...(note !== undefined && { note }) };
  return [{ type: 'ProgressReported', data }];
}

function illegal(state: JobState, needs: string): Rejection {
  return { rejected: 'ILLEGAL_STATE', message: `job ${state.id} is ${state.state}; ${needs}` };
}
