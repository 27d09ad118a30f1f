import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { document } from './markdown.js';

interface Held {
  readonly file: string;
  readonly title: string;
}

const ROWS = [
  ...document('docs/guarantees.md').matchAll(/^\|[^|]*\| `([^`]+)` *\| (.*?) *\|$/gm),
].map(([, file = '', title = '']): Held => ({ file, title }));

/** Whether a file has a test of this title, `%s` and the like included. */
function has({ file, title }: Held): boolean {
  const path = new URL(`../../${file}`, import.meta.url);
  if (!existsSync(path)) return false;
  const text = readFileSync(path, 'utf8');
  return [`'${title}'`, `"${title}"`].some((quoted) => text.includes(quoted));
}

describe('docs/guarantees.md', () => {
  it('names only tests that there are', () => {
    expect(ROWS.length).toBeGreaterThan(60);
    expect(ROWS.filter((row) => !has(row))).toEqual([]);
  });

  it('leaves no row without a test', () => {
    const lines = document('docs/guarantees.md').split('\n');
    const rows = lines.filter((line) => /^\| (?!promise|-)/.test(line));
    expect(rows).toHaveLength(ROWS.length);
  });

  it('would notice a test that is gone', () => {
    expect(has({ file: ROWS[0]!.file, title: 'a test that nobody wrote' })).toBe(false);
    expect(has({ file: 'test/none.unit.test.ts', title: ROWS[0]!.title })).toBe(false);
  });
});
