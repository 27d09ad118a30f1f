import type { NewEvent } from '../../src/job/events.js';
import { errorRecord } from './stream.js';

const BY = { reason: 'sent twice' };
const RAN = { attempt: 1, startedAt: '2026-01-01T00:00:01.000000Z', durationMs: 5 };
const RETRY = {
  action: 'retry',
  reason: 'retryable',
  policy: 'fixed 1s..1s none',
  delayMs: 1_000,
} as const;
const FAIL = { action: 'fail', reason: 'exhausted' } as const;
const JOB = { payload: {}, priority: 0, maxAttempts: 3, timeoutMs: null };

/** One event of every type, two where the data decides what it leads to; all about attempt 1. */
export const SAMPLE_EVENTS: readonly NewEvent[] = [
  { type: 'JobEnqueued', data: JOB },
  { type: 'JobEnqueued', data: { ...JOB, runAt: '2026-06-01T00:00:00.000000Z' } },
  { type: 'JobDeduplicated', data: { times: 1, by: null } },
  { type: 'AttemptStarted', data: { attempt: 1, worker: 7, claim: 1 } },
  { type: 'AttemptStarted', data: { attempt: 2, worker: 7, claim: 2 } },
  { type: 'ProgressReported', data: { attempt: 1, fraction: 0.5 } },
  { type: 'AttemptSucceeded', data: RAN },
  { type: 'AttemptFailed', data: { ...RAN, error: errorRecord(), decision: RETRY } },
  { type: 'AttemptFailed', data: { ...RAN, error: errorRecord(), decision: FAIL } },
  {
    type: 'AttemptLost',
    data: { attempt: 1, worker: 7, why: 'died', error: errorRecord(), decision: RETRY },
  },
  {
    type: 'AttemptLost',
    data: { attempt: 1, worker: 7, why: 'died', error: errorRecord(), decision: FAIL },
  },
  { type: 'AttemptReleased', data: { attempt: 1, why: 'shutdown' } },
  { type: 'JobSnoozed', data: { ...RAN, delayMs: 60_000 } },
  {
    type: 'OutcomeRejected',
    data: { attempt: 1, worker: 7, outcome: 'succeeded', reason: 'too late' },
  },
  { type: 'CancelRequested', data: BY },
  { type: 'JobCanceled', data: { ...BY, from: 'available' } },
  { type: 'JobCanceled', data: { ...BY, from: 'running', attempt: 1, ending: 'failed' } },
  {
    type: 'JobRetried',
    data: { ...BY, from: 'failed', extraAttempts: 1, maxAttempts: 4 },
  },
  {
    type: 'JobRescheduled',
    data: { ...BY, from: '', to: '2026-02-01T00:00:00.000000Z', state: 'scheduled' },
  },
  {
    type: 'JobRescheduled',
    data: { ...BY, from: '', to: '2026-02-01T00:00:00.000000Z', state: 'retrying' },
  },
  { type: 'JobReprioritized', data: { ...BY, from: 0, to: 5 } },
  { type: 'JobDiscarded', data: { ...BY, from: 'available' } },
];
