import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startProxy } from '../support/proxy.js';
import { openSite } from '../worker/site.js';
import { counting, fragile } from './counting.js';
import { crashAtSteps, forget, run } from './crash.js';

test('a projector killed at any fifth step is taken over: nothing lost, doubled or shown too early', async () => {
  expect(await crashAtSteps({ jobs: 60, whens: ['after'], every: 5 })).toBeGreaterThan(12);
}, 120_000);

test('a projector killed while it takes parked jobs in again leaves them parked or in, never both', async () => {
  const site = await openSite({ partitions: 2 });
  for (const kind of ['good', 'bad'])
    for (let n = 0; n < 2; n++) await site.ledger.enqueueMany([{ job: kind, payload: n }]);
  const proxy = await startProxy(site.url);
  const mortal = await site.open({ database: proxy.url });
  const broken = [fragile(counting(1), 'bad', () => true)];
  const models = site.ledger.projections({ projections: [counting(1)] });
  let step = 0;
  for (let came = true; came;) {
    await forget(site);
    await run(site.ledger, broken);
    expect(await models.parked()).toHaveLength(2);
    await site.sql('update jobledger.parked set unpark_at = clock_timestamp()');
    const fate = proxy.shutAt(++step, 'after');
    await run(mortal, [counting(1)]).catch(() => {});
    came = fate.came;
    proxy.open();
    await eventually(async () => {
      await site.sql('update jobledger.projections set lease_until = clock_timestamp()');
      await run(site.ledger, [counting(1)]);
      expect(await models.parked()).toEqual([]);
    });
    expect(await models.verify()).toMatchObject([{ verified: true, rows: 2 }]);
    expect(await site.sql('select jobs::int from jobledger.by_kind')).toEqual([
      { jobs: 2 },
      { jobs: 2 },
    ]);
  }
  expect(step).toBeGreaterThan(12);
}, 60_000);
