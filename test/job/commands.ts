import type { JobCommand } from '../../src/job/commands.js';
import { errorRecord } from './stream.js';

type Command<T extends JobCommand['type']> = Extract<JobCommand, { readonly type: T }>;
type Over<T extends JobCommand['type']> = Partial<Command<T>>;

const RAN = { worker: 7, startedAt: '2026-01-01T00:00:01.000000Z', durationMs: 5 };
const BY = { actor: 'ada', reason: 'sent twice' };

/** Commands of one worker, 7, and one operator; what a test is about it says itself. */
export function enqueue(over: Partial<Command<'EnqueueJob'>['data']> = {}): JobCommand {
  const data = { payload: { to: 'ada' }, priority: 0, maxAttempts: 3, timeoutMs: null, ...over };
  return { type: 'EnqueueJob', data };
}

export function start(over: Over<'StartAttempt'> = {}): JobCommand {
  return { type: 'StartAttempt', worker: 7, claim: 1, ...over };
}

export function succeed(attempt = 1, over: Over<'SucceedAttempt'> = {}): JobCommand {
  return { type: 'SucceedAttempt', attempt, ...RAN, ...over };
}

export function fail(attempt = 1, over: Over<'FailAttempt'> = {}): JobCommand {
  const delay = { delayMs: 2_000, policy: 'exponential 1s..1h full' };
  return { type: 'FailAttempt', attempt, ...RAN, error: errorRecord(), delay, ...over };
}

export function lose(attempt = 1, over: Over<'LoseAttempt'> = {}): JobCommand {
  const delay = { delayMs: 2_000, policy: 'exponential 1s..1h full' };
  const error = errorRecord({ name: 'WorkerLost' });
  return { type: 'LoseAttempt', attempt, why: 'no heartbeat', error, delay, ...over };
}

export function release(attempt = 1, over: Over<'ReleaseAttempt'> = {}): JobCommand {
  return { type: 'ReleaseAttempt', attempt, worker: 7, why: 'shutdown', ...over };
}

export function snooze(attempt = 1, over: Over<'SnoozeAttempt'> = {}): JobCommand {
  return { type: 'SnoozeAttempt', attempt, ...RAN, delayMs: 60_000, ...over };
}

export function endCanceled(attempt = 1): JobCommand {
  return { type: 'EndCanceledAttempt', attempt };
}

export function progress(attempt = 1, over: Over<'ReportProgress'> = {}): JobCommand {
  return { type: 'ReportProgress', attempt, worker: 7, fraction: 0.5, ...over };
}

export function duplicate(): JobCommand {
  return { type: 'RecordDuplicate', times: 2, by: 'ada' };
}

export function rejectOutcome(): JobCommand {
  const reason = 'the lease is gone';
  return { type: 'RejectOutcome', attempt: 1, worker: 7, outcome: 'succeeded', reason };
}

export function cancel(): JobCommand {
  return { type: 'CancelJob', ...BY };
}

export function retry(over: Over<'RetryJob'> = {}): JobCommand {
  return { type: 'RetryJob', ...BY, ...over };
}

export function discard(): JobCommand {
  return { type: 'DiscardJob', ...BY };
}

export function reschedule(runAt = '2026-02-01T00:00:00.000000Z'): JobCommand {
  return { type: 'RescheduleJob', ...BY, runAt };
}

export function reprioritize(priority = -5): JobCommand {
  return { type: 'ReprioritizeJob', ...BY, priority };
}
