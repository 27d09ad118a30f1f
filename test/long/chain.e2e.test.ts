import { expect, it } from 'vitest';
import { chainTraces } from '../otel/chain.js';
import { tracedSite } from '../otel/traced-site.js';

const site = tracedSite();

it('a chain of 10,000 jobs makes no trace of more than 100 spans', async () => {
  const traces = await chainTraces(site, 10_000, false);
  expect(Math.max(...traces)).toBeLessThanOrEqual(100);
  expect(traces.length).toBeLessThan(500);
});
