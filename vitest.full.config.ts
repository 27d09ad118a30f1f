import { defineConfig } from 'vitest/config';
import usual from './vitest.config.js';

/**
 * What takes minutes: the suite that makes faults, and the proof that it would find damage. And what
 * takes programs that npm does not bring: a pooler, installed by apt where that can be, and a Kafka
 * broker. Of test/kafka-unit, which needs none, `npm test` takes care.
 */
export default defineConfig({
  ...usual,
  test: {
    ...usual.test,
    include: [
      ...['chaos', 'pooler', 'long'].map((folder) => `test/${folder}/**/*.test.ts`),
      'test/kafka/**/*.{int,e2e}.test.ts',
    ],
    globalSetup: ['test/support/postgres.ts', 'test/support/kafka-setup.ts'],
    exclude: [],
    testTimeout: 600_000,
    hookTimeout: 120_000,
    // Two runs at once would measure each other's load.
    fileParallelism: false,
  },
});
