import { describe, expect, it } from 'vitest';
import { chainTraces } from './chain.js';
import { tracedSite } from './traced-site.js';

describe('a chain of jobs', () => {
  const site = tracedSite();

  it.each([
    ['by their contexts', false],
    ['by the ledger itself', true],
  ])(
    'that enqueue the next %s begins a new trace every 25 jobs',
    async (_, own) => {
      const traces = await chainTraces(site, 80, own);
      expect(Math.max(...traces)).toBeLessThanOrEqual(52);
      // Nor is every job alone.
      expect(traces.length).toBeLessThanOrEqual(4);
    },
    90_000,
  );
});
