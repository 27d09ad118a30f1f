import type { AuditedJob } from '../../src/demo/facts.js';
import type { ErrorRecord, EventType, JobEvents, RecordedEvent } from '../../src/index.js';

/** An event's type and data, and how many milliseconds after the first it came. */
export type Step = {
  [T in EventType]: readonly [type: T, data: JobEvents[T], atMs?: number];
}[EventType];

/** A job of the demo with this history, on positions of a partition from a first one on. */
export function job(steps: readonly Step[], { partition = 3, from = 1 } = {}): AuditedJob {
  const events = steps.map(([type, data, atMs = 0], index) => ({
    ...{ partition, position: from + index, streamId: 'id', version: index + 1, type, data },
    ...{ schemaVersion: 1, kind: 'package.audit', queue: 'demo', meta: {} },
    recordedAt: new Date(atMs).toISOString(),
  }));
  const shortId = `${partition}/${from}`;
  return { id: 'id', shortId, label: 'a 1.0.0', events: events as RecordedEvent[] };
}

const ERROR: ErrorRecord = {
  name: 'Error',
  message: 'worker 1 was lost',
  category: 'unknown',
  retryable: true,
  fingerprint: '0123456789abcdef',
};

export const ENQUEUED: Step = [
  'JobEnqueued',
  { payload: {}, priority: 0, maxAttempts: 4, timeoutMs: null },
];

const RETRY_AT = new Date(2_800).toISOString();

/** Lost with worker 1, done by worker 2. */
export const RECOVERED: readonly Step[] = [
  ENQUEUED,
  ['AttemptStarted', { attempt: 1, worker: 1, claim: 1 }, 100],
  [
    'AttemptLost',
    {
      ...{ attempt: 1, worker: 1, why: 'worker-lost', error: ERROR, runAt: RETRY_AT },
      decision: { action: 'retry', reason: 'lost', policy: 'fixed', delayMs: 500 },
    },
    2_300,
  ],
  ['AttemptStarted', { attempt: 2, worker: 2, claim: 2 }, 2_800],
  succeeded(2, 3_000),
];

/** Failed for good at the first attempt. */
export const FAILED: readonly Step[] = [
  ENQUEUED,
  ['AttemptStarted', { attempt: 1, worker: 2, claim: 3 }, 10],
  [
    'AttemptFailed',
    {
      ...{ attempt: 1, startedAt: '', durationMs: 5 },
      error: { ...ERROR, message: 'not there', category: 'not-found' },
      decision: { action: 'fail', reason: 'non-retryable' },
    },
    15,
  ],
];

export function succeeded(attempt: number, atMs: number): Step {
  const result = { files: 2, bytes: 1_500, digest: '', licence: 'MIT' };
  return ['AttemptSucceeded', { attempt, startedAt: '', durationMs: 200, result }, atMs];
}
