import { describe, expect, it } from 'vitest';
import { durationMs, integer, json, jsonObject, names, oneOf } from '../../src/cli/parse.js';

describe('a duration', () => {
  it.each([
    ['0', 0],
    ['250', 250],
    ['500ms', 500],
    ['1.5s', 1_500],
    ['5m', 300_000],
    ['2h', 7_200_000],
    ['1d', 86_400_000],
  ])('%s is %i ms', (text, ms) => {
    expect(durationMs('delay')(text)).toBe(ms);
  });

  it.each([
    '-5',
    '',
    ' ',
    'NaN',
    'Infinity',
    '1e3',
    '5 minutes',
    '1w',
    '5m3s',
    `${'9'.repeat(400)}`,
  ])('cannot be %j', (text) => {
    expect(() => durationMs('delay')(text)).toThrow(
      /^delay: expected a duration from 0, like 500ms/,
    );
  });
});

describe('an integer', () => {
  it.each([
    ['7', 7],
    ['-32768', -32_768],
    ['+1', 1],
  ])('%s is read', (text, value) => {
    expect(integer('priority')(text)).toBe(value);
  });

  it.each(['', '1.5', '1e3', '0x10', 'high', 'NaN', '9'.repeat(30)])('cannot be %j', (text) => {
    expect(() => integer('priority')(text)).toThrow(/^priority: expected an integer, got /);
  });
});

describe('JSON', () => {
  it('is read as it stands', () => {
    expect(json('payload')('{"a":[1,null]}')).toEqual({ a: [1, null] });
  });

  it('that is blank or broken is refused on one line, by field', () => {
    expect(() => json('payload')('')).toThrow('payload: expected JSON, got blank text');
    expect(() => json('payload')('{"a":\n\nx}')).toThrow(/^payload: expected JSON: [^\n]+$/);
  });
});

it('names are apart by commas, with room around them', () => {
  expect(names('queues')('a, b')).toEqual(['a', 'b']);
  expect(() => names('queues')('a,,b')).toThrow(
    'queues: expected names apart by commas, got "a,,b"',
  );
  expect(() => names('queues')('')).toThrow(
    'queues: expected names apart by commas, got blank text',
  );
});

it('a word must be one of those known', () => {
  const scope = oneOf('uniqueScope', ['active', 'forever']);
  expect(scope('forever')).toBe('forever');
  expect(() => scope('ever')).toThrow('uniqueScope: expected active or forever, got "ever"');
});

it('an object must be one, and no null or list', () => {
  expect(jsonObject('--retry')('{"type":"fixed"}')).toEqual({ type: 'fixed' });
  for (const text of ['null', '[]', '5', '"x"']) {
    expect(() => jsonObject('--retry')(text)).toThrow(
      `--retry: expected a JSON object, got ${JSON.stringify(text)}`,
    );
  }
});
