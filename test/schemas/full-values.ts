import type { JobEvents } from '../../src/job/events.js';
import type { ErrorRecord } from '../../src/job/error-record.js';

const ERROR: Required<ErrorRecord> = {
  name: 'SmtpError',
  message: '451 try again later',
  stack: 'SmtpError: 451 try again later\n    at send (/srv/app/mail.js:12:9)',
  category: 'rate-limited',
  retryable: true,
  fingerprint: '0123456789abcdef',
  retryAfterMs: 1_500.5,
  lastAttempt: true,
  note: 'a classifier failed',
  details: { code: 451 },
};
const RAN = { attempt: 1, startedAt: '2026-01-31T08:00:01.000000Z', durationMs: 0 };
const RETRY = {
  action: 'retry',
  reason: 'retry-after',
  policy: 'fixed 1s..1s none',
  delayMs: 1_000,
  note: 'a retry function failed',
} as const;
const FAIL = { action: 'fail', reason: 'exhausted', note: 'a retry function failed' } as const;
const LOST = { attempt: 1, worker: 7, why: 'worker-lost', error: ERROR };

const ENQUEUED: readonly JobEvents['JobEnqueued'][] = [
  {
    payload: null,
    priority: -32_768,
    maxAttempts: 32_767,
    timeoutMs: null,
    retry: {
      type: 'fixed',
      baseMs: 0,
      capMs: 0.5,
      jitter: 'none',
      only: ['timeout'],
      except: ['unknown'],
    },
    unique: { key: 'a', scope: 'forever' },
    metadata: {},
  },
];
const FAILED: readonly JobEvents['AttemptFailed'][] = [
  { ...RAN, error: ERROR, decision: RETRY, runAt: RAN.startedAt },
  { ...RAN, error: ERROR, decision: FAIL },
];
const ATTEMPT_LOST: readonly JobEvents['AttemptLost'][] = [
  { ...LOST, decision: RETRY, runAt: RAN.startedAt },
  { ...LOST, decision: FAIL },
];
const SUCCEEDED: readonly JobEvents['AttemptSucceeded'][] = [
  { ...RAN, result: [false] },
  { ...RAN, resultOmitted: 'it was too large' },
];
const CANCELED: readonly JobEvents['JobCanceled'][] = [
  { reason: 'r', from: 'running', attempt: 2, durationMs: 0.125, ending: 'failed', error: ERROR },
];

/** What the golden files leave out, by type and version: values with everything that a form may have. */
export const FULL_VALUES: Readonly<Record<string, readonly object[] | undefined>> = {
  'JobEnqueued.1': ENQUEUED,
  'AttemptFailed.1': FAILED,
  'AttemptLost.1': ATTEMPT_LOST,
  'AttemptSucceeded.1': SUCCEEDED,
  'JobCanceled.1': CANCELED,
};
