import { describe, expect, it } from 'vitest';
import { exportsOf, undocumented } from './exports.js';
import { typescriptUnder } from './source-files.js';

describe('the public interface', () => {
  it('has a docstring on every export', () => {
    const files = typescriptUnder('src');
    expect(exportsOf(files, 'src/index.ts').length).toBeGreaterThan(0);
    expect(undocumented(files, 'src/index.ts')).toEqual([]);
  });

  it('without a docstring is found, also behind two files', () => {
    const files = [
      {
        path: 'src/index.ts',
        text: `export { a, type B as C } from './a.js';\n/** D. */\nexport const d = 1;`,
      },
      {
        path: 'src/a.ts',
        text: `export type { B } from './b.js';\n/** A. */\nexport function a() {}`,
      },
      { path: 'src/b.ts', text: `/** Not of B. */\nconst x = 1;\nexport interface B {}` },
    ];
    expect(exportsOf(files, 'src/index.ts').map(({ name }) => name)).toEqual(['a', 'C', 'd']);
    expect(undocumented(files, 'src/index.ts')).toEqual(['C (src/b.ts)']);
  });
});
