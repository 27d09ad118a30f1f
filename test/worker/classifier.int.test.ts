import { expect, test } from 'vitest';
import { z } from 'zod';
import { defineJob, NonRetryableError } from '../../src/index.js';
import type { AttemptFacts, Classifier } from '../../src/index.js';
import { failureOf, retryOf, throwing } from './failing.js';
import { sharedSite } from './site.js';

const shared = sharedSite();

test("a kind's classifier is told of the attempt, and what it leaves out is the default's", async () => {
  let told: AttemptFacts | undefined;
  const classify: Classifier = (_, facts) => {
    told = facts;
    return { category: 'rate-limited', retryAfterMs: 40_000, fingerprint: 'mine' };
  };
  const runnable = throwing('classified', new Error('no'), { classify });
  const data = await retryOf(shared.current, runnable, { metadata: { m: 1 } });
  expect(data.error).toMatchObject({
    ...{ category: 'rate-limited', retryable: true, retryAfterMs: 40_000, fingerprint: 'mine' },
  });
  expect(data.decision).toMatchObject({ delayMs: 40_000, reason: 'retry-after' });
  expect(told).toMatchObject({
    ...{ kind: 'classified', queue: 'default', attempt: 1, maxAttempts: 5 },
    ...{ payload: { a: 1 }, metadata: { m: 1 }, durationMs: expect.any(Number) },
  });
});

test.each([
  ['nothing', 500, { category: undefined, retryable: undefined }, 'dependency', 'exhausted'],
  [
    'a category that is not retried',
    500,
    { category: 'validation' },
    'validation',
    'non-retryable',
  ],
  ['a category that is retried', 404, { category: 'network' }, 'network', 'exhausted'],
  ['a time to wait', 404, { retryAfterMs: 0 }, 'not-found', 'exhausted'],
  [
    'a category that is not, and a time',
    404,
    { category: 'permission', retryAfterMs: 0 },
    'permission',
    'exhausted',
  ],
] as const)(
  'a classifier that says %s leaves the rest to follow from that',
  async (name, status, verdict, category, reason) => {
    const error = Object.assign(new Error('no'), { status });
    const retry = { type: 'fixed', baseMs: 0, jitter: 'none' };
    const classify: Classifier = () => verdict;
    const runnable = throwing(`says.${name}`, error, { classify, retry });
    const data = await failureOf(shared.current, runnable);
    expect(data.error).toMatchObject({ category, retryable: reason === 'exhausted' });
    expect(data.decision).toMatchObject({ action: 'fail', reason });
  },
);

test('a classifier that overrules no NonRetryableError keeps its category, and bounds a wait', async () => {
  const never = throwing('kept', new NonRetryableError('no'), {
    classify: () => ({ category: 'network' }),
  });
  const kept = await failureOf(shared.current, never);
  expect(kept.error).toMatchObject({ category: 'network', retryable: false });
  const classify: Classifier = () => ({ retryAfterMs: Infinity });
  const waits = await retryOf(shared.current, throwing('forever', new Error('no'), { classify }));
  expect(waits.error.retryAfterMs).toBe(2_073_600_000);
});

test("a handler's own classifier wins over its contract's", async () => {
  const contract = defineJob({
    kind: 'override',
    payload: z.any(),
    classify: () => ({ category: 'network' }),
  });
  const fail = (): never => {
    throw new Error('no');
  };
  const runnable = contract.handler(fail, { classify: () => ({ retryable: false }) });
  const data = await failureOf(shared.current, runnable);
  expect(data.error).toMatchObject({ category: 'unknown', retryable: false });
});

test.each([
  [
    'throws',
    () => {
      throw new Error('inner');
    },
  ],
  ['answers nonsense', () => ({ category: 'funny' })],
  ['answers text', () => 'network'],
  ['answers a fingerprint that jsonb refuses', () => ({ fingerprint: 'a\u0000' })],
  ['answers a fingerprint without an end', () => ({ fingerprint: 'x'.repeat(1_000_000) })],
  ['is async', () => Promise.resolve({ category: 'network' })],
  ['is async and rejects', () => Promise.reject(new Error('inner'))],
])(
  'a classifier that %s gives way to the default, and the event says so',
  async (name, classify) => {
    const error = Object.assign(new Error('x'), { code: 'ECONNRESET' });
    const kind = `classifier.${name.length}`;
    const data = await retryOf(shared.current, throwing(kind, error, { classify }));
    expect(data.error).toMatchObject({ category: 'network', retryable: true });
    expect(data.error.note).toMatch(/the classifier .*; the default was used/);
  },
);
