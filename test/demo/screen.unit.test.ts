import { describe, expect, it } from 'vitest';
import { count, cut, shortened, size, table } from '../../src/demo/format.js';
import { Screen } from '../../src/demo/screen.js';

describe('a screen that is no terminal', () => {
  it('gets plain lines: no bar, no colour, one line per quarter of the way', () => {
    const { screen, text } = recorder({ isTTY: false });
    for (let done = 0; done <= 100; done += 1) screen.progress({ done, total: 100, note: '' });
    screen.endProgress();
    screen.line(screen.bold(screen.red('killed')));
    expect(text()).toBe(
      ['25', '50', '75', '100'].map((n) => `  ${n} of 100 done\n`).join('') + 'killed\n',
    );
  });
});

describe('progress', () => {
  it('says what is counted where that is given', () => {
    const { screen, text } = recorder({ isTTY: false });
    screen.progress({ done: 1_000, total: 1_000, unit: 'events', note: '50 per second' });
    expect(text()).toBe('  1,000 of 1,000 events done, 50 per second\n');
  });
});

describe('a terminal', () => {
  it('keeps its bar below the lines, no wider than itself, and loses it at the end', () => {
    const { screen, text } = recorder({ isTTY: true, columns: 40 });
    screen.progress({ done: 1, total: 2, note: '8 running and much more' });
    const bar = `  ${'█'.repeat(14)}${'░'.repeat(14)}  1 of 2 d`;
    expect(bar).toHaveLength(40 - 1 + 1);
    expect(text()).toBe(`\r\u001b[2K${bar.slice(0, 39)}`);
    screen.line('news');
    expect(text().endsWith(`\r\u001b[2Knews\n${bar.slice(0, 39)}`)).toBe(true);
    screen.endProgress();
    screen.line('end');
    expect(text().endsWith('\r\u001b[2Kend\n')).toBe(true);
    screen.close();
    screen.line('too late');
    screen.progress({ done: 2, total: 2, note: '' });
    expect(text().endsWith('end\n')).toBe(true);
  });

  it('that says it has no columns gets the whole bar', () => {
    const { screen, text } = recorder({ isTTY: true, columns: 0 });
    screen.progress({ done: 1, total: 2, note: '' });
    expect(text()).toContain('1 of 2 done');
  });

  it('gets colours only if it has them', () => {
    const styled = (hasColors: boolean) =>
      recorder({ isTTY: true, hasColors: () => hasColors }).screen.green('✓');
    expect([styled(true), styled(false)]).toEqual(['\u001b[32m✓\u001b[39m', '✓']);
  });
});

describe('numbers', () => {
  it('are written as people read them', () => {
    expect([0, 999, 1_500, 59_200_000, 204e6, 3e9].map(size)).toEqual([
      ...['0 bytes', '999 bytes', '1.50 kB', '59.2 MB', '204 MB', '3.00 GB'],
    ]);
    expect([count(1, 'job'), count(2_310, 'job')]).toEqual(['1 job', '2,310 jobs']);
  });
});

describe('text', () => {
  it('is cut at the end that tells less', () => {
    expect([cut('abcdef', 4), shortened('abcdef', 4), cut('abc', 4)]).toEqual([
      ...['abc…', '…def', 'abc'],
    ]);
  });

  it('stands in aligned columns', () => {
    expect(table([['a', 'bb'], ['ccc', 'd']])).toEqual(['a    bb', 'ccc  d']); // prettier-ignore
  });
});

describe('a row', () => {
  it('stays on its line and leaves the terminal alone, whatever a package calls itself', () => {
    expect(table([['MIT\u001b[31m\nand more', 'b']])).toEqual(['MIT [31m and more  b']);
  });
});

function recorder(stream: { isTTY: boolean; columns?: number; hasColors?: () => boolean }): {
  screen: Screen;
  text: () => string;
} {
  let text = '';
  const write = (more: string): void => void (text += more);
  return { screen: new Screen({ ...stream, write }), text: () => text };
}
