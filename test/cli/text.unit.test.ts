import { describe, expect, it } from 'vitest';
import { count, grouped, oneLine, pairs, shorten, table, time } from '../../src/cli/text.js';
import { duration } from '../../src/human.js';

describe('text of users', () => {
  it('stands on one line, without what a terminal obeys', () => {
    expect(oneLine('a\n  b\r\nc \u001b[31mred\u0007\ud800 ')).toBe(
      'a b c \ufffd[31mred\ufffd\ufffd',
    );
  });

  it('is cut with an ellipsis', () => {
    expect(shorten('abcdef', 6)).toBe('abcdef');
    expect(shorten('abcdefg', 6)).toBe('abcde…');
  });
});

describe('a table', () => {
  it('aligns words to the left and numbers to the right', () => {
    const text = table(
      ['kind', 'n'],
      [
        ['ü', 5],
        ['longer', 1_000],
      ],
    );
    expect(text.split('\n')).toEqual(['kind       n', 'ü          5', 'longer  1000']);
  });

  it('keeps a cell with a line break on its line', () => {
    expect(table(['a', 'b'], [['x\ny', 'z']]).split('\n')).toHaveLength(2);
  });
});

it('numbers may have their thousands apart', () => {
  expect(table(['n'], [[1_234]], grouped).split('\n')).toEqual(['    n', '1,234']);
  expect(count(2_310, 'job')).toBe('2,310 jobs');
});

it('pairs without a value are left out', () => {
  expect(
    pairs([
      ['kind', 'x'],
      ['tenant', undefined],
      ['id', '1'],
    ]),
  ).toBe('kind  x\nid    1');
});

it.each([
  [0.4, '0 ms'],
  [999, '999 ms'],
  [2_440, '2.4 s'],
  [200_000, '3 min 20 s'],
  [3_600_000, '1 h'],
  [7_500_000, '2 h 5 min'],
  [273_600_000, '3 d 4 h'],
])('%d ms reads as %s', (ms, text) => {
  expect(duration(ms)).toBe(text);
});

it('a time reads to the second', () => {
  expect(time('2026-01-31T08:00:00.123456Z')).toBe('2026-01-31 08:00:00');
  expect(time(null)).toBe('');
});
