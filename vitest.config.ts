import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^jobledger$/, replacement: here('src/index.ts') },
      { find: /^jobledger\/projections$/, replacement: here('projections/index.ts') },
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    // Minutes of faults, and what has to be installed: `npm run test:full`.
    exclude: [
      ...['chaos', 'pooler', 'long'].map((folder) => `test/${folder}/**`),
      'test/kafka/**/*.{int,e2e}.test.ts',
    ],
    globalSetup: ['test/support/postgres.ts'],
    testTimeout: 30_000,
    hookTimeout: 30_000,
    setupFiles: ['test/support/after-file.ts'],
    fileParallelism: true,
    // Loading the library anew for each of so many files costs more than most of them take.
    isolate: false,
    maxWorkers: 2,
  },
});
