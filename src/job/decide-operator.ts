import type { OperatorCommand, Rejection } from './commands.js';
import type { NewEvent } from './events.js';
import { MAX_ATTEMPTS } from './limits.js';
import type { JobState } from './state.js';
import { isWaiting } from './state.js';
import { unreachable } from './unreachable.js';

type Answer = readonly NewEvent[] | Rejection;
type Command<T extends OperatorCommand['type']> = Extract<OperatorCommand, { readonly type: T }>;

/** What an operator's command leads to; each event names who asked and why. */
export function decideOperator(state: JobState, command: OperatorCommand): Answer {
  switch (command.type) {
    case 'CancelJob':
      return cancel(state, command);
    case 'RetryJob':
      return retry(state, command);
    case 'DiscardJob':
      return discard(state, command);
    case 'RescheduleJob':
      return reschedule(state, command);
    case 'ReprioritizeJob':
      return reprioritize(state, command);
    default:
      return unreachable(command, 'command');
  }
}

/** A running job is only asked: its worker alone can stop the handler, and success may still win. */
function cancel(state: JobState, command: Command<'CancelJob'>): Answer {
  const { reason, actor } = command;
  if (isWaiting(state)) {
    return [{ type: 'JobCanceled', data: { reason, from: state.state }, meta: { actor } }];
  }
  if (state.state !== 'running')
    return refuse(state, 'only a waiting or running job can be canceled');
  if (state.cancelRequested !== undefined) {
    return refuse(state, 'its cancellation was already requested');
  }
  return [{ type: 'CancelRequested', data: { reason }, meta: { actor } }];
}

/** Attempts go on counting, so the new limit is what was counted so far plus what is granted. */
function retry(state: JobState, command: Command<'RetryJob'>): Answer {
  if (state.state !== 'failed') return refuse(state, 'only a failed job can be retried');
  if (state.counted >= MAX_ATTEMPTS) return refuse(state, `${MAX_ATTEMPTS} attempts are the most`);
  const { reason, actor, extraAttempts = 1, payload } = command;
  const data = {
    reason,
    from: state.state,
    extraAttempts,
    maxAttempts: Math.min(state.counted + extraAttempts, MAX_ATTEMPTS),
    ...(payload !== undefined && { payload }),
  };
  return [{ type: 'JobRetried', data, meta: { actor } }];
}

function discard(state: JobState, command: Command<'DiscardJob'>): Answer {
  if (!isWaiting(state) && state.state !== 'failed') {
    return refuse(state, 'only a waiting or failed job can be discarded');
  }
  const data = { reason: command.reason, from: state.state };
  return [{ type: 'JobDiscarded', data, meta: { actor: command.actor } }];
}

function reschedule(state: JobState, command: Command<'RescheduleJob'>): Answer {
  if (state.state !== 'scheduled' && state.state !== 'retrying') {
    return refuse(state, 'only a scheduled or retrying job can be rescheduled');
  }
  const { reason, runAt, actor } = command;
  const data = { reason, state: state.state, from: state.runAt, to: runAt };
  return [{ type: 'JobRescheduled', data, meta: { actor } }];
}

function reprioritize(state: JobState, command: Command<'ReprioritizeJob'>): Answer {
  if (!isWaiting(state)) return refuse(state, 'only a waiting job can be reprioritized');
  const data = { reason: command.reason, from: state.priority, to: command.priority };
  return [{ type: 'JobReprioritized', data, meta: { actor: command.actor } }];
}

function refuse(state: JobState, needs: string): Rejection {
  return { rejected: 'ILLEGAL_STATE', message: `job ${state.id} is ${state.state}; ${needs}` };
}
