import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { classify } from '../../src/job/classify.js';
import { NonRetryableError, RetryLaterError } from '../../src/job/handler-errors.js';
import { MAX_RETRY_AFTER_MS } from '../../src/job/retry.js';
import { hostileValues } from './hostile-values.js';

const NOW = Date.UTC(2026, 0, 1);
const withFields = (fields: object, error = new Error('no')): Error => Object.assign(error, fields);
const categoryOf = (error: unknown): string => classify(error, NOW).category;

describe('the category of an error', () => {
  it.each([
    ['network', 'ECONNREFUSED ECONNRESET ENOTFOUND EAI_AGAIN EPIPE UND_ERR_SOCKET'],
    ['timeout', 'ETIMEDOUT UND_ERR_CONNECT_TIMEOUT UND_ERR_HEADERS_TIMEOUT UND_ERR_BODY_TIMEOUT'],
    ['not-found', 'ENOENT'],
    ['permission', 'EACCES EPERM 42501'],
    ['dependency', '08006 08P01 57P01 57P03 53300 40001 40P01 ENOSPC'],
    ['validation', '23505 22001 22P02'],
    ['programming', 'UND_ERR_INVALID_ARG'],
    ['unknown', 'P0001 42P01 ABCDE E_CUSTOM'],
  ])('is %s for the codes %s', (category, codes) => {
    for (const code of codes.split(' ')) {
      expect([code, categoryOf(withFields({ code }))]).toEqual([code, category]);
    }
  });

  it.each([
    ['validation', [400, 422]],
    ['permission', [401, 403]],
    ['not-found', [404, 410]],
    ['timeout', [408, 504]],
    ['rate-limited', [429]],
    ['dependency', [500, 502, 503, 599]],
    ['unknown', [200, 302, 409, 418, 600]],
  ])('is %s for the HTTP statuses %j', (category, statuses) => {
    for (const status of statuses) {
      const shapes = [{ status }, { statusCode: status }, { response: { status } }];
      for (const shape of shapes) expect(categoryOf(withFields(shape))).toBe(category);
    }
  });

  it('is timeout for an aborted signal', () => {
    expect(categoryOf(AbortSignal.abort().reason)).toBe('timeout');
    expect(categoryOf(new DOMException('too slow', 'TimeoutError'))).toBe('timeout');
  });

  it('is validation for a schema’s error', () => {
    const parsed = z.object({ to: z.string() }).safeParse({});
    expect(classify(parsed.error, NOW)).toEqual({ category: 'validation', retryable: false });
    expect(categoryOf(withFields({ issues: [{ message: 'expected text' }] }))).toBe('validation');
    expect(categoryOf(withFields({ issues: [] }))).toBe('unknown');
  });

  it('is programming for what the language throws, and that is retried', () => {
    for (const error of [
      new TypeError(),
      new ReferenceError(),
      new RangeError(),
      new SyntaxError(),
    ]) {
      expect(classify(error, NOW)).toEqual({ category: 'programming', retryable: true });
    }
  });

  it('is the cause’s where an error is only wrapped around it', () => {
    const cause = withFields({ code: 'ECONNREFUSED' });
    expect(categoryOf(new TypeError('fetch failed', { cause }))).toBe('network');
    expect(categoryOf(new Error('a', { cause: new Error('b', { cause }) }))).toBe('network');
    expect(categoryOf(new AggregateError([cause]))).toBe('network');
    expect(categoryOf(new Error('outer', { cause: new TypeError('inner') }))).toBe('programming');
  });

  it('is the wrapper’s own where it has one', () => {
    const cause = withFields({ code: 'ECONNREFUSED' });
    expect(categoryOf(withFields({ status: 404 }, new Error('no', { cause })))).toBe('not-found');
  });

  it('is found in spite of causes that lead round in a circle', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    expect(categoryOf(a)).toBe('unknown');
  });

  it.each(hostileValues().map((value) => [name(value), value]))(
    'is unknown, and retried, for %s',
    (_, value) => {
      expect(classify(value, NOW)).toEqual({ category: 'unknown', retryable: true });
    },
  );
});

describe('a wish to be tried again later', () => {
  const headers = (value: string): object => ({ headers: new Headers({ 'retry-after': value }) });

  it.each([
    ['a Headers object', headers('30'), 30_000],
    ['plain headers in any case', { headers: { 'Retry-After': '30' } }, 30_000],
    ['a response’s headers', { response: { headers: { 'retry-after': 30 } } }, 30_000],
    ['repeated headers', { headers: { 'retry-after': ['30', '40'] } }, 30_000],
    ['an HTTP date', headers('Thu, 01 Jan 2026 00:01:00 GMT'), 60_000],
    ['a date that has passed', headers('Wed, 31 Dec 2025 00:00:00 GMT'), 0],
    ['retry-after-ms', { headers: { 'retry-after-ms': '1500' } }, 1_500],
    ['retryAfter in seconds', { retryAfter: 2 }, 2_000],
    ['retryAfter as a Date', { retryAfter: new Date(NOW + 5_000) }, 5_000],
    ['retryAfterMs', { retryAfterMs: 250.4 }, 250],
    ['more than 24 days', { retryAfter: 1e9 }, MAX_RETRY_AFTER_MS],
  ])('is read from %s', (_, fields, retryAfterMs) => {
    expect(classify(withFields({ status: 429, ...fields }), NOW)).toEqual({
      category: 'rate-limited',
      retryable: true,
      retryAfterMs,
    });
  });

  it.each(['soon', '-5', '', 'NaN'])('is no wish if it reads %j', (value) => {
    expect(classify(withFields({ status: 503, ...headers(value) }), NOW)).toEqual({
      category: 'dependency',
      retryable: true,
    });
  });

  it('makes an error of any category retryable', () => {
    expect(classify(withFields({ status: 403, ...headers('1') }), NOW)).toEqual({
      category: 'permission',
      retryable: true,
      retryAfterMs: 1_000,
    });
  });

  it('tells an unknown error to be one of rate', () => {
    expect(categoryOf(withFields({ retryAfter: 1 }))).toBe('rate-limited');
  });
});

describe('an error that says itself what to do', () => {
  it('fails at once as NonRetryableError, whatever it is about', () => {
    const cause = withFields({ code: 'ECONNRESET', retryAfter: 5 });
    expect(classify(new NonRetryableError('no use', { cause }), NOW)).toEqual({
      category: 'network',
      retryable: false,
      explicit: true,
    });
    const named = new NonRetryableError('no use', { category: 'permission' });
    expect(categoryOf(named)).toBe('permission');
  });

  it.each([
    [{ after: 1_500 }, 1_500],
    [{ at: new Date(NOW + 1_000) }, 1_000],
    [{ at: '2026-01-01T00:00:02Z' }, 2_000],
    [{ at: new Date(NOW - 1_000) }, 0],
    [{ after: 1e15 }, MAX_RETRY_AFTER_MS],
  ])('is tried again as RetryLaterError %j', (when, retryAfterMs) => {
    expect(classify(new RetryLaterError(when), NOW)).toEqual({
      category: 'unknown',
      retryable: true,
      explicit: true,
      retryAfterMs,
    });
  });

  it.each([{ after: Number.NaN }, { after: -1 }, { at: 'soon' }, { at: new Date(Number.NaN) }])(
    'leaves the delay to the policy where it names none: %j',
    (when) => {
      expect(classify(new RetryLaterError(when), NOW)).toEqual({
        category: 'unknown',
        retryable: true,
        explicit: true,
      });
    },
  );

  it('is known when another copy of the package made it', () => {
    const foreign = withFields({ [Symbol.for('jobledger.NonRetryableError')]: true });
    expect(classify(foreign, NOW)).toMatchObject({ retryable: false, explicit: true });
  });

  it('is known inside a wrapper', () => {
    const cause = new NonRetryableError('no use');
    expect(classify(new Error('in step 3', { cause }), NOW).retryable).toBe(false);
  });
});

function name(value: unknown): string {
  try {
    return inspect(value).slice(0, 40);
  } catch {
    return 'what cannot be printed';
  }
}
