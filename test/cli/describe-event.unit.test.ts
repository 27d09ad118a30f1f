import { expect, it } from 'vitest';
import { describeEvent, workersIn } from '../../src/cli/describe-event.js';
import { EVENT_VERSIONS } from '../../src/job/event-versions.js';
import type { EventType, RecordedEvent, WorkerInfo } from '../../src/index.js';

const WORKER: WorkerInfo = {
  ...{ id: 4, host: 'vm', pid: 77, version: '0.1.0', kinds: [], queues: [] },
  ...{ startedAt: '2026-01-31T08:00:00Z', endedAt: null, endReason: null },
};
const error = {
  name: 'Error',
  message: 'no\nroute',
  category: 'network',
  retryable: true,
  fingerprint: '',
};
const decision = { action: 'retry', reason: 'retryable', policy: 'fixed', delayMs: 2_500 };
const runAt = '2026-01-31T08:00:05.000000Z';

const SENTENCES: readonly (readonly [string, object, string])[] = [
  [
    'JobEnqueued',
    { payload: { a: 1 }, maxAttempts: 5, priority: -1, runAt },
    'payload {"a":1}, 5 attempts, priority -1, due 2026-01-31 08:00:05, by ada',
  ],
  ['JobDeduplicated', { times: 3, by: null }, 'asked for again 3 times, last by somebody'],
  ['JobDeduplicated', { times: 1, by: 'ada' }, 'asked for again once, by ada'],
  ['AttemptStarted', { attempt: 1, worker: 4, claim: 1 }, 'attempt 1 on worker 4 (vm, pid 77)'],
  ['ProgressReported', { attempt: 1, fraction: 0.5, note: 'half' }, 'attempt 1 at 50 %: half'],
  ['AttemptSucceeded', { attempt: 1, durationMs: 12, result: [1] }, 'attempt 1 after 12 ms: [1]'],
  [
    'AttemptFailed',
    { attempt: 1, durationMs: 12, error, decision, runAt },
    'attempt 1 after 12 ms: Error (network): no route; again in 2.5 s, at 2026-01-31 08:00:05 by fixed',
  ],
  [
    'AttemptLost',
    {
      attempt: 2,
      worker: 9,
      why: 'no heartbeat',
      error,
      decision: { action: 'fail', reason: 'exhausted' },
    },
    'attempt 2, worker 9: no heartbeat; the job failed: exhausted',
  ],
  [
    'AttemptReleased',
    { attempt: 2, why: 'shutdown' },
    'attempt 2 given back, not counted: shutdown',
  ],
  [
    'JobSnoozed',
    { attempt: 2, durationMs: 5, runAt },
    'attempt 2 after 5 ms, not counted; again at 2026-01-31 08:00:05',
  ],
  [
    'OutcomeRejected',
    { attempt: 2, worker: 4, outcome: 'succeeded', reason: 'lost' },
    'attempt 2 of worker 4 (vm, pid 77): succeeded came too late: lost',
  ],
  ['CancelRequested', { reason: 'why' }, 'while running, by ada: why'],
  ['JobCanceled', { reason: 'why', from: 'available' }, 'while available, by ada: why'],
  [
    'JobRetried',
    { reason: 'why', extraAttempts: 1, maxAttempts: 6, payload: 1 },
    '1 more, 6 in all, with a new payload, by ada: why',
  ],
  [
    'JobRescheduled',
    { reason: 'why', from: runAt, to: runAt },
    'from 2026-01-31 08:00:05 to 2026-01-31 08:00:05, by ada: why',
  ],
  ['JobReprioritized', { reason: 'why', from: 0, to: 5 }, 'priority from 0 to 5, by ada: why'],
  ['JobDiscarded', { reason: 'why', from: 'failed' }, 'while failed, by ada: why'],
];

it.each(SENTENCES)('%s reads as a sentence', (type, data, sentence) => {
  expect(describeEvent(event(type, data), new Map([[4, WORKER]]))).toBe(sentence);
});

it('an event of a newer version or an unknown type is shown raw, with a note', () => {
  const newer = { ...event('JobEnqueued', { a: 1 }), schemaVersion: 2 };
  expect(describeEvent(newer, new Map())).toBe(
    '(its form 2 is newer than this program, which reads up to form 1) {"a":1}',
  );
  expect(describeEvent(event('JobForked', { a: 1 }), new Map())).toBe(
    '(it is an unknown event, newer than this program) {"a":1}',
  );
});

it('the workers that events name are found once each', () => {
  const started = event('AttemptStarted', { attempt: 1, worker: 4 });
  expect([...workersIn([event('JobDiscarded', {}), started, started])]).toEqual([4]);
});

it('no worker is looked for in what cannot be read', () => {
  const newer = { ...event('AttemptStarted', { worker: 5 }), schemaVersion: 2 };
  expect([...workersIn([newer, event('JobForked', { worker: 'five' })])]).toEqual([]);
});

function event(type: string, data: object): RecordedEvent {
  const meta =
    ['JobEnqueued', 'CancelRequested'].includes(type) || type.startsWith('Job')
      ? { actor: 'ada' }
      : {};
  const schemaVersion = EVENT_VERSIONS[type as EventType] ?? 1;
  return { type, data, meta, schemaVersion } as unknown as RecordedEvent;
}
