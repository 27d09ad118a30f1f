import { expect, test } from 'vitest';
import type { Projection } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { openSite } from '../worker/site.js';
import { counting } from './counting.js';

test('a slow read model keeps what it has folded when its projector stops', async () => {
  const site = await openSite({ partitions: 1 });
  const items = Array.from({ length: 6_000 }, () => ({ job: 'k', payload: 0 }));
  await site.ledger.enqueueMany(items);
  const counter = counting(1);
  let folded = 0;
  const slow: Projection = {
    ...counter,
    fold: (...given) => {
      for (const until = performance.now() + 1; performance.now() < until;);
      folded += 1;
      return counter.fold(...given);
    },
  };
  const projector = site.ledger.projector({ projections: [slow] });
  await projector.start();
  await eventually(() => folded > 0);
  await projector.stop();
  const [status] = await site.ledger.projections().status('by-kind');
  expect(status!.events).toBeGreaterThan(0);
  expect(status!.events).toBeLessThan(items.length);
});
