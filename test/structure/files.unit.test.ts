import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesUnder, typescriptUnder } from './source-files.js';
import type { SourceFile } from './source-files.js';

const MAX_LINES = 300;
const MAX_MEDIAN_LINES = 100;
const KEBAB_CASE = /^[a-z0-9]+(-[a-z0-9]+)*(\.(unit|int|e2e)\.test|\.config)?\.ts$/;

const lines = ({ text }: SourceFile): number => text.trimEnd().split('\n').length;

describe('files', () => {
  const ours = ['src', 'test', 'projections', 'examples'].flatMap(typescriptUnder);

  it('are at most 300 lines long', () => {
    const scripts = filesUnder('scripts');
    const long = [...ours, ...scripts].filter((file) => lines(file) > MAX_LINES);
    expect(long.map((file) => `${file.path}: ${lines(file)}`)).toEqual([]);
  });

  it('of the source are at most 100 lines long in the middle', () => {
    const sorted = typescriptUnder('src')
      .map(lines)
      .sort((one, other) => one - other);
    expect(sorted[Math.floor(sorted.length / 2)]).toBeLessThan(MAX_MEDIAN_LINES);
  });

  it('have names in kebab-case', () => {
    expect(ours.map(({ path }) => path).filter((path) => !KEBAB_CASE.test(basename(path)))).toEqual(
      [],
    );
    expect(
      ['Claim.ts', 'claim_run.ts', 'claimRun.ts'].filter((name) => KEBAB_CASE.test(name)),
    ).toEqual([]);
  });

  it('of tests say in their name what they need', () => {
    const tests = typescriptUnder('test').filter(({ text }) => /\bfrom 'vitest'/.test(text));
    const unnamed = tests.filter(({ path }) => !/\.(unit|int|e2e)\.test\.ts$/.test(path));
    const withCases = unnamed.filter(({ text }) => /^\s*(it|test)(\.\w+)*\(/m.test(text));
    expect(withCases.map(({ path }) => path)).toEqual([]);
  });
});
