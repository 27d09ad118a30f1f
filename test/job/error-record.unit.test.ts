import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cleanText } from '../../src/job/clean-text.js';
import { fingerprintOf } from '../../src/job/fingerprint.js';
import { jsonProblem } from '../../src/job/json-problem.js';
import { toErrorRecord } from '../../src/job/to-error-record.js';
import { hostileValues } from './hostile-values.js';

const UNKNOWN = { category: 'unknown', retryable: true } as const;

describe('the record of an error', () => {
  it('holds name, message, stack, verdict and fingerprint', () => {
    const record = toErrorRecord(new RangeError('too far'), {
      category: 'programming',
      retryable: true,
      retryAfterMs: 5,
    });
    expect(record).toMatchObject({
      name: 'RangeError',
      message: 'too far',
      stack: expect.stringContaining('RangeError: too far'),
      category: 'programming',
      retryable: true,
      retryAfterMs: 5,
      fingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
  });

  it('holds the code and the cause, which the message often lacks', () => {
    const cause = Object.assign(new Error('connect'), { code: 'ECONNREFUSED' });
    const error = Object.assign(new TypeError('fetch failed', { cause }), { status: 503 });
    expect(toErrorRecord(error, UNKNOWN).details).toEqual({ status: 503, cause: 'Error: connect' });
    expect(toErrorRecord(cause, UNKNOWN).details).toEqual({ code: 'ECONNREFUSED' });
  });

  it('takes the message of the first part where an AggregateError has none', () => {
    const error = new AggregateError([new Error('connect to ::1')]);
    expect(toErrorRecord(error, UNKNOWN).message).toBe('connect to ::1');
  });

  it('is told the class of an error without a name of its own', () => {
    class MailError extends Error {}
    Object.defineProperty(MailError.prototype, 'name', { value: '' });
    expect(toErrorRecord(new MailError('no'), UNKNOWN).name).toBe('MailError');
  });

  it('takes a fingerprint and a note from whoever knows better', () => {
    const record = toErrorRecord(new Error('no'), UNKNOWN, { fingerprint: 'mine', note: 'why' });
    expect(record).toMatchObject({ fingerprint: 'mine', note: 'why' });
  });

  it.each([
    ['text', 'text'],
    [undefined, 'undefined was thrown'],
    [null, 'null'],
    [5n, '5n'],
    [Symbol('odd'), 'Symbol(odd)'],
    [{ code: 7 }, '{"code":7}'],
    [() => 5, 'a function was thrown'],
  ])('prints the non-Error %o', (value, message) => {
    expect(toErrorRecord(value, UNKNOWN)).toMatchObject({ name: 'NonError', message });
  });

  it('can be stored whatever was thrown', () => {
    for (const value of hostileValues()) {
      const record = toErrorRecord(value, UNKNOWN);
      expect(jsonProblem(record, 'error')).toBeUndefined();
      expect(record.fingerprint).toMatch(/^[0-9a-f]{16}$/);
    }
  });

  it('is cleaned of what jsonb refuses and bounded', () => {
    const error = new Error(`\u0000 ${'€'.repeat(10_000)} \ud800`);
    error.name = 'Bad\ud800Name';
    error.stack = 'x\u0000'.repeat(50_000);
    const record = toErrorRecord(error, UNKNOWN);
    expect(jsonProblem(record, 'error')).toBeUndefined();
    expect(Buffer.byteLength(record.message)).toBeLessThanOrEqual(8 * 1024);
    expect(Buffer.byteLength(record.stack ?? '')).toBeLessThanOrEqual(16 * 1024);
    expect(record.name).toBe('Bad\ufffdName');
  });
});

describe('cleaned text', () => {
  it('is left alone where nothing is wrong with it', () => {
    expect(cleanText('naïve 🙂', 100)).toBe('naïve 🙂');
  });

  it('loses no half character at the cut', () => {
    expect(cleanText('aé', 2)).toBe('a');
    expect(cleanText('🙂🙂', 7)).toBe('🙂');
  });

  it('always fits and can always be stored', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 60 });
    const surrogates = fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 60 });
    const text = fc.oneof(
      anyText,
      surrogates.map((units) => String.fromCharCode(...units)),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 80 }), (given, maxBytes) => {
        const cleaned = cleanText(given, maxBytes);
        expect(Buffer.byteLength(cleaned)).toBeLessThanOrEqual(maxBytes);
        expect(jsonProblem(cleaned, 'text')).toBeUndefined();
      }),
    );
  });
});

describe('a fingerprint', () => {
  const of = (message: string, stack?: string): string =>
    fingerprintOf({ name: 'Error', message, stack });

  it.each([
    ['user 17 not found', 'user 18934 not found'],
    [
      'job 01890a5d-ac96-774b-bcce-b302099a8057 failed',
      'job 5f0c4f0e-9c35-4b36-8e40-7d5d3f2b8a11 failed',
    ],
    ["can't read 'a.txt' now", "can't read 'the other.txt' now"],
    ['open /var/lib/a/b.json', 'open /srv/c.json'],
    ['bad digest deadbeef01', 'bad digest 99aa88bb77cc'],
    ['GET https://a.example/1?x=y failed', 'GET https://b.example/2 failed'],
    ['no host "a"', 'no host "b c"'],
  ])('is the same for %j and %j', (one, other) => {
    expect(of(one)).toBe(of(other));
  });

  it('tells messages, names and functions apart', () => {
    const stack = (name: string, line: number): string =>
      `Error: no\n    at ${name} (file:///app/mail.js:${line}:7)`;
    const prints = [
      of('no host'),
      of('no route'),
      fingerprintOf({ name: 'TypeError', message: 'no host' }),
      of('no host', stack('send', 1)),
      of('no host', stack('receive', 1)),
    ];
    expect(new Set(prints).size).toBe(prints.length);
    expect(of('no', stack('send', 1))).toBe(of('no', stack('send', 99)));
  });

  it('looks past the frames of Node and of packages', () => {
    const top = '    at connect (node:net:1:1)\n    at q (/app/node_modules/pg/client.js:1:1)\n';
    const own = '    at async Mailer.send (/app/mail.js:3:1)';
    expect(of('no', `Error: no\n${top}${own}`)).toBe(of('no', `Error: no\n${own}`));
  });

  it('reads only the beginning of a message, and any in little time', () => {
    for (const piece of ['"', '/.', '0a', 'a:/', "'a "]) {
      const message = piece.repeat(300_000);
      const startedAt = performance.now();
      expect(of(message)).toBe(of(message.slice(0, 1_000)));
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    }
  });
});
