import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, NonRetryableError, RetryLaterError } from '../../src/index.js';
import type { RetryContext } from '../../src/index.js';
import { failureOf, retryOf, throwing } from './failing.js';
import { inState, job, lastEvent, sharedSite, types } from './site.js';

const shared = sharedSite();

test('a failed attempt is retried by its policy, and delay, policy and reason are recorded', async () => {
  const retry = { type: 'linear', baseMs: 90_000, capMs: 120_000, jitter: 'none' };
  const data = await retryOf(shared.current, throwing('linear', new Error('no'), { retry }));
  expect(data.decision).toEqual({
    ...{ action: 'retry', reason: 'retryable', policy: 'linear 90s..2m none', delayMs: 90_000 },
  });
  expect(data.error).toMatchObject({ name: 'Error', message: 'no', category: 'unknown' });
  expect(data.error.fingerprint).toMatch(/^[0-9a-f]{16}$/);
  const { recordedAt } = await lastEvent(shared.current.ledger, data.id, 'AttemptFailed');
  expect(Date.parse(data.runAt!) - Date.parse(recordedAt)).toBe(90_000);
});

test('attempts are counted up to the limit, and the last failure says so', async () => {
  const site = shared.current;
  const fail = (_: never, { attempt }: { attempt: number }) => {
    throw new Error(`attempt ${attempt}`);
  };
  const data = await failureOf(site, job('limit', fail), { maxAttempts: 3 });
  expect(data).toMatchObject({
    attempt: 3,
    decision: { action: 'fail', reason: 'exhausted' },
    error: { message: 'attempt 3', lastAttempt: true },
  });
  expect(await types(site.ledger, data.id)).toHaveLength(7);
});

test("a job's own policy wins over its kind's, and its limit too", async () => {
  const runnable = throwing('own', new Error('no'), { maxAttempts: 1 });
  const retry = { type: 'fixed', baseMs: 70_000, jitter: 'none' } as const;
  const data = await retryOf(shared.current, runnable, { retry, maxAttempts: 2 });
  expect(data.decision).toMatchObject({ delayMs: 70_000 });
});

test("the worker's policy stands in where neither job nor kind has one", async () => {
  const site = shared.current;
  const retry = { type: 'fixed', baseMs: 60_000, capMs: 60_000, jitter: 'none' } as const;
  await site.start({ jobs: [throwing('workers', new Error('no'), { retry: undefined })], retry });
  const { id } = await site.ledger.enqueue('workers', {});
  await inState(site.ledger, id, 'retrying');
  const { data } = await lastEvent(site.ledger, id, 'AttemptFailed');
  expect(data.decision).toMatchObject({ delayMs: 60_000, policy: 'fixed 1m..1m none' });
});

test('full jitter stays between nothing and the delay', async () => {
  const retry = { type: 'fixed', baseMs: 100_000, jitter: 'full' };
  const { decision } = await retryOf(shared.current, throwing('jitter', new Error(), { retry }));
  if (decision.action !== 'retry') throw new Error('expected a retry');
  expect(decision.policy).toBe('fixed 100s..1h full');
  expect(decision.delayMs).toBeGreaterThanOrEqual(0);
  expect(decision.delayMs).toBeLessThanOrEqual(100_000);
});

test('a retry function is told of the attempt, and its answer is the delay', async () => {
  let told: RetryContext | undefined;
  const retry = (context: RetryContext) => {
    told = context;
    return { delayMs: 80_000 };
  };
  const error = Object.assign(new Error('slow'), { code: 'ETIMEDOUT' });
  const data = await retryOf(shared.current, throwing('function', error, { retry }));
  expect(data.decision).toMatchObject({ delayMs: 80_000, policy: 'function' });
  expect(told).toMatchObject({
    ...{ kind: 'function', attempt: 1, maxAttempts: 5, payload: { a: 1 } },
    ...{ error, classification: { category: 'timeout', retryable: true } },
  });
});

test.each([
  [
    'throws',
    () => {
      throw new Error('inner');
    },
    'threw',
  ],
  ['answers nonsense', () => 'soon', 'answered no delay'],
  ['is async and rejects', () => Promise.reject(new Error('inner')), 'answered no delay'],
  ['answers less than nothing', () => -1, 'answered no delay'],
])(
  'a retry function that %s gives way to the default, and the event says so',
  async (name, retry, note) => {
    const kind = `function.${name.length}`;
    const { decision } = await retryOf(shared.current, throwing(kind, new Error(), { retry }));
    expect(decision).toMatchObject({ action: 'retry', policy: 'exponential 1s..1h full' });
    expect(decision.note).toContain(note);
  },
);

test('RetryLaterError says when, wins over the policy, and counts', async () => {
  const site = shared.current;
  const error = new RetryLaterError({ after: 50_000 });
  const data = await retryOf(site, throwing('later', error));
  expect(data.decision).toMatchObject({
    reason: 'retry-after',
    delayMs: 50_000,
    policy: 'retry-after',
  });
  expect(await site.ledger.get(data.id)).toMatchObject({ counted: 1 });
});

test('a time that has passed means now', async () => {
  const site = shared.current;
  const once = (_: never, { attempt }: { attempt: number }) => {
    if (attempt === 1) throw new RetryLaterError({ at: '2001-01-01T00:00:00Z' });
  };
  const runnable = job('past', once, { retry: { type: 'fixed', baseMs: 3_600_000 } });
  await site.start({ jobs: [runnable] });
  const { id } = await site.ledger.enqueue(runnable, {});
  expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ counted: 2 });
});

test('NonRetryableError fails the job at once', async () => {
  const data = await failureOf(shared.current, throwing('never', new NonRetryableError('closed')));
  expect(data).toMatchObject({
    attempt: 1,
    decision: { action: 'fail', reason: 'non-retryable' },
    error: { message: 'closed', retryable: false },
  });
});

test.each([
  ['text', 'just text', 'just text'],
  ['nothing', undefined, 'undefined was thrown'],
  ['an object', { code: 7 }, '{"code":7}'],
])('%s that is thrown is recorded, and retried', async (name, thrown, message) => {
  const data = await retryOf(shared.current, throwing(`thrown.${name}`, thrown));
  expect(data.error).toMatchObject({ name: 'NonError', message, retryable: true });
});

test('a rejected promise is an error like one that was thrown', async () => {
  const reject = () => Promise.reject(new Error('later'));
  const data = await failureOf(shared.current, job('reject', reject));
  expect(data.error).toMatchObject({ message: 'later' });
});

test('text that jsonb refuses is cleaned, and the failure stands', async () => {
  const data = await retryOf(shared.current, throwing('dirty', new Error('a\u0000b\ud800c')));
  expect(data.error.message).toMatch(/^a.*b.*c$/u);
});

test('a payload that no longer fits its schema fails the job without calling its handler', async () => {
  const site = shared.current;
  let called = false;
  const strict = defineJob({
    kind: 'changed',
    payload: z.object({ size: z.number() }),
    handle: () => void (called = true),
  });
  await site.start({ jobs: [strict] });
  const { id } = await site.ledger.enqueue('changed', { size: 'large' });
  const failed = await inState(site.ledger, id, 'failed');
  expect(failed).toMatchObject({
    counted: 1,
    decision: { reason: 'invalid-payload' },
    previousError: { category: 'validation', message: expect.stringContaining('size') },
  });
  expect(called).toBe(false);
  await site.ledger.retry(id, { actor: 'ada', reason: 'mended', payload: { size: 1 } });
  await inState(site.ledger, id, 'succeeded');
  expect(called).toBe(true);
});

test('a payload schema that never answers ends the attempt at its limit', async () => {
  const site = shared.current;
  const silent = z.any().refine(() => new Promise<boolean>(() => undefined));
  const runnable = defineJob({ kind: 'payload.silent', payload: silent, handle: () => 1 });
  await site.start({ jobs: [runnable] });
  const { id } = await site.ledger.enqueue('payload.silent', {}, { timeout: 100, maxAttempts: 1 });
  const failed = await inState(site.ledger, id, 'failed');
  expect(failed.previousError).toMatchObject({ name: 'TimeoutError', category: 'timeout' });
});

test('kinds that a worker lacks are left alone, unless it is told to fail them', async () => {
  const site = shared.current;
  const worker = await site.start({ jobs: [job('known', () => null)] });
  const { id } = await site.ledger.enqueue('stranger', {});
  const later = await site.ledger.enqueue('known', {});
  await inState(site.ledger, later.id, 'succeeded');
  expect(await site.ledger.get(id)).toMatchObject({ state: 'available', attempt: 0 });
  await worker.stop();
  await site.start({ jobs: [job('known', () => null)], failUnknownKinds: true });
  const failed = await inState(site.ledger, id, 'failed');
  expect(failed).toMatchObject({
    counted: 1,
    decision: { reason: 'unknown-kind' },
    previousError: { message: expect.stringContaining('"stranger"') },
  });
  await site.ledger.discard(id, { actor: 'ada', reason: 'nobody knows it' });
});
