import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ERROR_CATEGORIES } from '../../src/job/error-record.js';
import {
  computedDelay,
  DEFAULT_RETRY,
  delayAfter,
  MAX_RETRY_AFTER_MS,
  policyName,
  resolveRetry,
  shouldRetry,
} from '../../src/job/retry.js';
import type { RetryContext, RetryPolicy } from '../../src/job/retry.js';
import { byPolicy, planDelay } from '../../src/job/retry-plan.js';
import { retryProblems } from '../../src/job/retry-problems.js';

const plain: RetryPolicy = { type: 'exponential', baseMs: 1_000, capMs: 60_000, jitter: 'none' };
const half = { random: () => 0.5 };

describe('a delay', () => {
  it.each([
    ['fixed', [1_000, 1_000, 1_000, 1_000]],
    ['linear', [1_000, 2_000, 3_000, 4_000]],
    ['exponential', [1_000, 2_000, 4_000, 8_000]],
  ] as const)('grows as %s', (type, expected) => {
    const delays = [1, 2, 3, 4].map((attempt) => delayAfter({ ...plain, type }, attempt, half));
    expect(delays).toEqual(expected);
  });

  it.each([
    ['full', 0, 8_000],
    ['equal', 4_000, 8_000],
    ['decorrelated', 1_000, 15_000],
  ] as const)('spreads with %s jitter from %d to %d', (jitter, low, high) => {
    const at = (random: number): number =>
      delayAfter({ ...plain, jitter }, 4, { random: () => random, previousDelayMs: 5_000 });
    expect([at(0), at(0.5), at(1)]).toEqual([low, (low + high) / 2, high]);
  });

  it('grows decorrelated from the base where there was no delay before', () => {
    const policy: RetryPolicy = { ...plain, jitter: 'decorrelated' };
    expect(delayAfter(policy, 1, { random: () => 1 })).toBe(3_000);
  });

  it.each([1e3, 1e9, Number.MAX_SAFE_INTEGER])('stays at the cap for attempt %d', (attempt) => {
    expect(delayAfter(plain, attempt, half)).toBe(60_000);
    expect(delayAfter({ ...plain, type: 'linear' }, attempt, half)).toBe(60_000);
    expect(delayAfter({ ...plain, baseMs: 0 }, attempt, half)).toBe(0);
  });

  it('is a whole number from 0 to the cap, by any policy, for any attempt', () => {
    fc.assert(
      fc.property(anyPolicy(), anyAttempt(), fc.double(SHARE), anyDelay(), (policy, n, r, d) => {
        const delayMs = delayAfter(policy, n, { random: () => r, previousDelayMs: d });
        expect(Number.isInteger(delayMs)).toBe(true);
        expect(delayMs).toBeGreaterThanOrEqual(0);
        expect(delayMs).toBeLessThanOrEqual(Math.round(policy.capMs));
      }),
    );
  });

  it('never shrinks from attempt to attempt without jitter', () => {
    fc.assert(
      fc.property(anyPolicy(), fc.integer({ min: 1, max: 2_000 }), (policy, n) => {
        const at = (attempt: number): number =>
          delayAfter({ ...policy, jitter: 'none' }, attempt, half);
        expect(at(n + 1)).toBeGreaterThanOrEqual(at(n));
      }),
    );
  });
});

describe('whether an error is retried', () => {
  it('is the classifier’s to say where the policy says nothing', () => {
    expect(shouldRetry({ category: 'network', retryable: true }, plain)).toBe(true);
    expect(shouldRetry({ category: 'validation', retryable: false }, plain)).toBe(false);
  });

  it('follows `except`, which replaces the default list', () => {
    const policy: RetryPolicy = { ...plain, except: ['network'] };
    expect(shouldRetry({ category: 'network', retryable: true }, policy)).toBe(false);
    expect(shouldRetry({ category: 'not-found', retryable: false }, policy)).toBe(true);
    expect(shouldRetry({ category: 'timeout', retryable: true }, policy)).toBe(true);
  });

  it('follows `only`', () => {
    const policy: RetryPolicy = { ...plain, only: ['not-found'] };
    expect(shouldRetry({ category: 'not-found', retryable: false }, policy)).toBe(true);
    expect(shouldRetry({ category: 'network', retryable: true }, policy)).toBe(false);
  });

  it('is never overruled by a list where the error itself said so or named a time', () => {
    const policy: RetryPolicy = { ...plain, only: ['timeout'], except: [] };
    const refused = { category: 'timeout', retryable: false, explicit: true } as const;
    expect(shouldRetry(refused, policy)).toBe(false);
    const asked = { category: 'rate-limited', retryable: true, retryAfterMs: 5 } as const;
    expect(shouldRetry(asked, policy)).toBe(true);
  });

  it('keeps a classifier’s refusal of a category that is retried by default', () => {
    const policy: RetryPolicy = { ...plain, except: ['validation'] };
    expect(shouldRetry({ category: 'dependency', retryable: false }, policy)).toBe(false);
  });
});

describe('a retry option', () => {
  it('is the default where nothing is said', () => {
    expect(resolveRetry(undefined)).toEqual({ policy: DEFAULT_RETRY });
    expect(resolveRetry({ type: 'fixed', jitter: undefined })).toEqual({
      policy: { ...DEFAULT_RETRY, type: 'fixed' },
    });
  });

  it('raises the default cap to a longer first delay', () => {
    expect(resolveRetry({ baseMs: 7_200_000 }).policy.capMs).toBe(7_200_000);
  });

  it('keeps the default policy beside a function', () => {
    const compute = (): number => 5;
    expect(resolveRetry(compute)).toEqual({ policy: DEFAULT_RETRY, compute });
  });

  it.each([
    [{ type: 'cubic' }, 'retry.type: expected one of fixed, linear, exponential, got "cubic"'],
    [{ jitter: 1 }, 'retry.jitter: expected one of none, full, equal, decorrelated, got 1'],
    [{ baseMs: -1 }, /^retry\.baseMs: expected milliseconds from 0 to \d+, got -1$/],
    [{ capMs: Number.NaN }, /^retry\.capMs: expected milliseconds/],
    [{ baseMs: 5, capMs: 4 }, 'retry.baseMs: expected at most retry.capMs (4), got 5'],
    [{ only: ['nope'] }, /^retry\.only\[0\]: expected one of timeout, network/],
    [{ except: 'network' }, /^retry\.except: expected a list of error categories/],
    [{ retries: 3 }, /^retry\.retries: unknown option/],
    [() => 5, /^retry: expected a policy object \(data, not a function\), got a function$/],
    [null, /^retry: expected a policy object/],
  ])('is refused by field name: %o', (option, problem) => {
    const [found, ...more] = retryProblems(option);
    expect(found).toMatch(problem);
    expect(more).toEqual([]);
  });

  it('is told all its faults at once', () => {
    expect(retryProblems({ type: 'x', baseMs: 'y' }, { field: 'jobs[0].retry' })).toHaveLength(2);
  });

  it('may be a function where code gives it', () => {
    expect(retryProblems(() => 5, { allowFunction: true })).toEqual([]);
    expect(retryProblems({ type: 'fixed', baseMs: 5, only: ['network'] })).toEqual([]);
  });
});

describe('a planned delay', () => {
  const context: RetryContext = {
    error: new Error('no'),
    classification: { category: 'unknown', retryable: true },
    kind: 'email.send',
    queue: 'default',
    attempt: 3,
    maxAttempts: 5,
    durationMs: 1,
    payload: null,
    metadata: {},
  };
  const planned = (answer: (context: RetryContext) => unknown) =>
    planDelay({ policy: plain, compute: answer as () => number }, context, () => 0.5);

  it('is what the failed party asked for, whatever the policy', () => {
    const classification = { category: 'rate-limited', retryable: true, retryAfterMs: 7 } as const;
    expect(planDelay({ policy: plain }, { ...context, classification }, Math.random)).toEqual({
      delayMs: 7,
      policy: 'retry-after',
    });
  });

  it('is what the retry function answers, at most 24 days', () => {
    expect(planned(({ attempt }) => attempt * 10)).toEqual({ delayMs: 30, policy: 'function' });
    expect(planned(() => ({ delayMs: 1.4 }))).toEqual({ delayMs: 1, policy: 'function' });
    expect(planned(() => Infinity)).toEqual({ delayMs: MAX_RETRY_AFTER_MS, policy: 'function' });
  });

  it.each([
    ['NaN', Number.NaN],
    ['less than 0', -1],
    ['text', '5'],
    ['a promise', Promise.resolve(5)],
    ['nothing', undefined],
  ])('is the policy’s, with a note, where the function answers %s', (_, answer) => {
    expect(planned(() => answer)).toEqual({
      delayMs: 4_000,
      policy: 'exponential 1s..1m none',
      note: expect.stringContaining('answered no delay'),
    });
  });

  it('is the policy’s, with a note, where the function throws', () => {
    const plan = planned(() => {
      throw new Error('oops');
    });
    expect(plan).toMatchObject({ delayMs: 4_000, note: expect.stringContaining('threw') });
  });

  it('is the default policy’s, with a note, where this program does not know the policy', () => {
    const policy = { ...plain, type: 'cubic' } as unknown as RetryPolicy;
    expect(byPolicy(policy, context, () => 1)).toMatchObject({
      delayMs: 4_000,
      policy: policyName(DEFAULT_RETRY),
      note: expect.stringContaining('unknown to this program'),
    });
  });

  it('takes nonsense for no delay', () => {
    expect(computedDelay({ delayMs: 'soon' })).toBeUndefined();
    expect(computedDelay(null)).toBeUndefined();
  });
});

describe('the name of a policy', () => {
  it.each([
    [DEFAULT_RETRY, 'exponential 1s..1h full'],
    [{ ...plain, type: 'fixed', baseMs: 1_500, capMs: 86_400_000 }, 'fixed 1500ms..1d none'],
    [{ ...plain, baseMs: 0 }, 'exponential 0ms..1m none'],
  ] as const)('says what it does: %o', (policy, name) => {
    expect(policyName(policy)).toBe(name);
  });
});

const SHARE = { min: 0, max: 1, maxExcluded: true, noNaN: true } as const;

function anyPolicy(): fc.Arbitrary<RetryPolicy> {
  const ms = fc.oneof(
    fc.integer({ min: 0, max: 1e7 }),
    fc.double({ min: 0, max: 3e12, noNaN: true }),
  );
  return fc.record({
    type: fc.constantFrom('fixed', 'linear', 'exponential'),
    jitter: fc.constantFrom('none', 'full', 'equal', 'decorrelated'),
    baseMs: ms,
    capMs: ms,
    only: fc.constant(ERROR_CATEGORIES),
  });
}

function anyAttempt(): fc.Arbitrary<number> {
  return fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 1e9 }));
}

function anyDelay(): fc.Arbitrary<number | undefined> {
  return fc.option(fc.double({ min: 0, max: 1e15, noNaN: true }), { nil: undefined });
}
