import type { FindingCode } from '../../src/checker/findings.js';
import { ENQUEUED, failed, odd, PAST, RETRY, started, succeeded, type Written } from './damage.js';

const FAIL = { action: 'fail', reason: 'exhausted' };
const REQUEST: Written = ['CancelRequested', { reason: 'r' }];
const canceled = (data: object): Written => ['JobCanceled', { reason: 'r', ...data }];
const released = (attempt: number): Written => ['AttemptReleased', { attempt, why: 'shutdown' }];
const snoozed = (attempt: number, runAt?: string): Written => [
  'JobSnoozed',
  { attempt, startedAt: 'x', durationMs: 1, runAt },
];
const lost = (worker: number, attempt = 1): Written => [
  'AttemptLost',
  { attempt, worker, why: 'w', error: {}, decision: RETRY, runAt: PAST },
];
const retried = (maxAttempts: number, extraAttempts = 1): Written => [
  'JobRetried',
  { reason: 'r', from: 'failed', extraAttempts, maxAttempts },
];
const LATER: Written = ['JobEnqueued', { ...ENQUEUED[1], runAt: '2099-01-01T00:00:00.000000Z' }];
/** In the second form of the event; the first one is among the legal streams. */
const rescheduled = (to?: string, form = 2): Written =>
  odd(['JobRescheduled', { reason: 'r', state: 'scheduled', from: 'x', to }], { form });
const DUPLICATE: Written = ['JobDeduplicated', { times: 1, by: null }];
const REJECTED: Written = [
  'OutcomeRejected',
  { attempt: 1, worker: 1, outcome: 'succeeded', reason: 'r' },
];

/** Streams without any fault. */
export const LEGAL: readonly (readonly Written[])[] = [
  [ENQUEUED, started(1), succeeded(1), REJECTED, DUPLICATE],
  [
    ENQUEUED,
    started(1),
    failed(1),
    started(2),
    failed(2, FAIL),
    retried(3),
    started(3),
    succeeded(3),
  ],
  [ENQUEUED, started(1), released(1), started(2), snoozed(2, PAST), started(3), lost(1, 3)],
  [ENQUEUED, started(1), REQUEST, succeeded(1)],
  [ENQUEUED, started(1), REQUEST, canceled({ from: 'running', attempt: 1, ending: 'failed' })],
  [ENQUEUED, canceled({ from: 'available' })],
  [ENQUEUED, ['JobReprioritized', { from: 0, to: 3, reason: 'r' }], ['JobDiscarded', {}]],
  [
    LATER,
    ['JobRescheduled', { runAt: PAST, state: 'scheduled', from: 'x', reason: 'r' }],
    ...[started(1), ['ProgressReported', { attempt: 1, fraction: 0.5 }] as const, succeeded(1)],
  ],
  [LATER, rescheduled(PAST), started(1), succeeded(1)],
];

/** Streams that cannot be; each is the finding's only cause. */
export const DAMAGE: readonly (readonly [FindingCode, RegExp, readonly Written[]])[] = [
  ['position-gap', /position 7 is missing/, [ENQUEUED, odd(started(1), { skip: 1 }), succeeded(1)]],
  ['time-step-back', /comes after/, [ENQUEUED, odd(started(1), { afterS: -5 }), succeeded(1)]],
  ['version-gap', /version 4 follows 2/, [ENQUEUED, started(1), odd(succeeded(1), { version: 4 })]],
  ['version-gap', /version 2 is the first/, [odd(ENQUEUED, { version: 2 })]],
  [
    'version-gap',
    /version 5 follows 3/,
    [ENQUEUED, started(1), succeeded(1), odd(DUPLICATE, { version: 5 })],
  ],
  ['malformed', /lacks payload/, [['JobEnqueued', { priority: 0, maxAttempts: 1 }]]],
  ['malformed', /lacks worker, claim/, [ENQUEUED, ['AttemptStarted', { attempt: 1 }]]],
  ['malformed', /lacks a decision/, [ENQUEUED, started(1), ['AttemptFailed', { attempt: 1 }]]],
  ['malformed', /lacks runAt/, [ENQUEUED, started(1), snoozed(1)]],
  ['malformed', /JobRescheduled lacks to/, [LATER, rescheduled()]],
  ['malformed', /JobRescheduled lacks runAt/, [LATER, rescheduled(PAST, 1)]],
  ['unknown-form', /JobRescheduled of form 3/, [LATER, rescheduled(PAST, 3)]],
  ['unknown-form', /JobEnqueued of form 2/, [odd(ENQUEUED, { form: 2 })]],
  [
    'unknown-form',
    /JobDeduplicated of form 2/,
    [ENQUEUED, started(1), succeeded(1), odd(DUPLICATE, { form: 2 })],
  ],
  ['kind-changed', /other in default, was k/, [ENQUEUED, odd(started(1), { kind: 'other' })]],
  ['illegal-event', /AttemptStarted begins/, [started(1)]],
  ['illegal-event', /JobRetried in a job that is available/, [ENQUEUED, retried(3)]],
  ['illegal-event', /JobEnqueued in a job/, [ENQUEUED, ENQUEUED]],
  [
    'illegal-event',
    /JobDiscarded in a job that is running/,
    [ENQUEUED, started(1), ['JobDiscarded', {}]],
  ],
  [
    'illegal-event',
    /AttemptStarted in a job that is succeeded/,
    [ENQUEUED, started(1), succeeded(1), started(2)],
  ],
  [
    'illegal-event',
    /AttemptStarted in a job that is failed/,
    [ENQUEUED, started(1), failed(1), started(2), failed(2, FAIL), started(3)],
  ],
  [
    'illegal-event',
    /JobRetried in a job that is canceled/,
    [ENQUEUED, canceled({ from: 'available' }), retried(3)],
  ],
  [
    'illegal-event',
    /nobody asked/,
    [ENQUEUED, started(1), canceled({ from: 'running', attempt: 1 })],
  ],
  [
    'illegal-event',
    /canceled from available, but/,
    [ENQUEUED, started(1), REQUEST, canceled({ from: 'available' })],
  ],
  ['wrong-attempt', /attempt 3 follows 1/, [ENQUEUED, started(1), failed(1), started(3)]],
  ['wrong-attempt', /attempt 1 follows 1/, [ENQUEUED, started(1), failed(1), started(1)]],
  ['wrong-attempt', /attempt 2, attempt 1 is running/, [ENQUEUED, started(1), succeeded(2)]],
  ['wrong-attempt', /worker 9 lost attempt 1, worker 1/, [ENQUEUED, started(1), lost(9)]],
  ['attempt-overlap', /attempt 2 starts beside 1/, [ENQUEUED, started(1), started(2)]],
  [
    'second-outcome',
    /AttemptSucceeded of attempt 1, but the job had ended as succeeded/,
    [ENQUEUED, started(1), succeeded(1), succeeded(1)],
  ],
  [
    'second-outcome',
    /AttemptFailed in a job that is retrying/,
    [ENQUEUED, started(1), failed(1), failed(1)],
  ],
  [
    'second-outcome',
    /attempt 1, attempt 2 is running/,
    [ENQUEUED, started(1), lost(1), started(2), succeeded(1)],
  ],
  [
    'over-granted',
    /to be tried again after 2 of 2/,
    [ENQUEUED, started(1), failed(1), started(2), failed(2)],
  ],
  [
    'over-granted',
    /attempt 1 starts after 0 of 0/,
    [['JobEnqueued', { ...ENQUEUED[1], maxAttempts: 0 }], started(1)],
  ],
  ['under-granted', /exhausted after 1 of 2/, [ENQUEUED, started(1), failed(1, FAIL)]],
  [
    'wrong-limit',
    /limit 9, but 2 are spent and 1 granted/,
    [ENQUEUED, started(1), failed(1), started(2), failed(2, FAIL), retried(9)],
  ],
  ['after-cancel', /AttemptFailed after a cancel/, [ENQUEUED, started(1), REQUEST, failed(1)]],
  ['after-cancel', /AttemptReleased after a cancel/, [ENQUEUED, started(1), REQUEST, released(1)]],
  ['after-cancel', /requested already/, [ENQUEUED, started(1), REQUEST, REQUEST]],
  [
    'early-start',
    /due at 2099/,
    [ENQUEUED, started(1), failed(1, RETRY, '2099-01-01T00:00:00.000000Z'), started(2)],
  ],
  ['early-start', /due at 2099/, [LATER, rescheduled('2099-02-01T00:00:00.000000Z'), started(1)]],
];
