import { describe, expect, it } from 'vitest';
import { compareInstants, toInstant } from '../../src/job/instant.js';
import {
  delayProblem,
  MAX_DELAY_MS,
  MAX_TIMEOUT_MS,
  maxAttemptsProblem,
  priorityProblem,
  timeoutProblem,
} from '../../src/job/limits.js';
import { keyProblem, nameProblem } from '../../src/job/names.js';

describe('a number', () => {
  it.each([
    [priorityProblem, [-32_768, 0, 32_767], [-32_769, 32_768, 0.5, Number.NaN, '5', null]],
    [maxAttemptsProblem, [1, 32_767], [0, -1, 32_768, 1.5, Infinity, undefined]],
    [timeoutProblem, [null, 1, MAX_TIMEOUT_MS], [0, -1, 0.5, MAX_TIMEOUT_MS + 1, undefined, '5s']],
    [delayProblem, [0, 0.5, MAX_DELAY_MS], [-1, Number.NaN, Infinity, MAX_DELAY_MS * 2, '5', null]],
  ])('is held to its range by %o', (problemOf, good, bad) => {
    for (const value of good) expect(problemOf('field', value)).toBeUndefined();
    for (const value of bad) expect(problemOf('field', value)).toMatch(/^field: expected [^\n]+$/);
  });

  it('is refused with what was expected and what came', () => {
    expect(priorityProblem('priority', 40_000)).toBe(
      'priority: expected an integer from -32768 to 32767, got 40000',
    );
    expect(timeoutProblem('timeout', 0)).toContain('null (no limit)');
    expect(delayProblem('delay', ['5'])).toContain('got a list');
    expect(delayProblem('delay', 5n)).toContain('got 5n');
  });
});

describe('a name', () => {
  it.each(['email.send', "Robert'); drop table jobs;--", '🙂', 'a b', 'ü'.repeat(127)])(
    'may be %s',
    (name) => {
      expect(nameProblem('kind', name)).toBeUndefined();
    },
  );

  it.each(['', '  ', 'a\nb', '\u0000', '\u001b[31m', '\ud800', 'ü'.repeat(128), 5, undefined])(
    'may not be %j',
    (name) => {
      expect(nameProblem('kind', name)).toMatch(
        /^kind: expected printable text of 1 to 255 bytes, got [^\n]+$/,
      );
    },
  );

  it('may be longer as a unique key', () => {
    expect(keyProblem('unique.key', 'k'.repeat(1_024))).toBeUndefined();
    expect(keyProblem('unique.key', 'k'.repeat(1_025))).toContain('got 1025 bytes');
  });
});

describe('a point in time', () => {
  it.each([
    [new Date(0), '1970-01-01T00:00:00.000000Z'],
    ['2026-01-31T08:00:00Z', '2026-01-31T08:00:00.000000Z'],
    ['2026-01-31T08:00Z', '2026-01-31T08:00:00.000000Z'],
    ['2026-01-31T08:00:00.123456Z', '2026-01-31T08:00:00.123456Z'],
    ['2026-01-31T08:00:00.5+02:00', '2026-01-31T06:00:00.500000Z'],
    ['2026-01-31T23:30:00-0130', '2026-02-01T01:00:00.000000Z'],
  ])('is read from %o', (value, instant) => {
    expect(toInstant('runAt', value)).toEqual({ instant });
  });

  it.each([
    new Date(Number.NaN),
    '2026-02-30T00:00:00Z',
    '2026-01-31T24:00:00Z',
    '2026-01-31T08:00:00',
    '2026-01-31',
    'tomorrow',
    '',
    new Date(8.64e15),
    '0000-01-01T00:00:00Z',
    '9999-12-31T23:59:59-01:00',
    1_769_846_400_000,
    null,
    undefined,
  ])('is not read from %o', (value) => {
    expect(toInstant('runAt', value)).toEqual({
      problem: expect.stringMatching(/^runAt: expected a valid Date or ISO 8601 text[^\n]+$/),
    });
  });

  it('compares to the microsecond, however many digits are given', () => {
    const early = '2026-01-31T08:00:00.000001Z';
    expect(compareInstants(early, '2026-01-31T08:00:00.000002Z')).toBeLessThan(0);
    expect(compareInstants(early, '2026-01-31T08:00:00Z')).toBeGreaterThan(0);
    expect(compareInstants('2026-01-31T08:00:00.5Z', '2026-01-31T08:00:00.500000Z')).toBe(0);
    expect(compareInstants('2026-01-31T10:00:00+02:00', '2026-01-31T08:00:00Z')).toBe(0);
  });
});
