import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { openSite, type Site } from '../worker/site.js';
import { counting } from './counting.js';
import { run, states } from './crash.js';

const enqueue = (site: Site, count: number) =>
  site.ledger.enqueueMany(Array.from({ length: count }, (_, n) => ({ job: 'k', payload: n })));

const jobs = async ({ sql }: Site) =>
  (await sql<{ jobs: number }>('select jobs::int from jobledger.by_kind'))[0]?.jobs;

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => {});
  await client.connect();
  onTestFinished(() => client.end().catch(() => {}));
  return client;
}

test('a projector that runs and is asked to catch up counts each event once', async () => {
  const site = await openSite({ partitions: 8 });
  const projector = site.ledger.projector({ projections: [counting(1)] });
  await projector.start();
  for (let n = 1; n <= 40; n++) {
    await Promise.all([enqueue(site, 20), enqueue(site, 20), projector.catchUp()]);
    await projector.catchUp();
  }
  await site.ledger.caughtUp('by-kind');
  expect(await jobs(site)).toBe(1_600);
  await projector.stop();
});

test('a lagging read model keeps no other from following', async () => {
  const site = await openSite({ partitions: 1 });
  const code = [counting(1), states(1)];
  await run(site.ledger, code);
  const models = site.ledger.projections({ projections: code });
  await models.pause('states');
  for (let n = 0; n < 10; n++) await enqueue(site, 2_000);
  const projector = site.ledger.projector({ projections: code });
  await projector.start();
  await site.ledger.caughtUp('by-kind');
  await models.resume('states');
  const lags: number[] = [];
  for (let behind = true; behind;) {
    const { id } = await site.ledger.enqueue('k', 0);
    await site.ledger.caughtUp('by-kind', id);
    const [, lagging] = await models.status();
    lags.push(lagging!.lagEvents);
    behind = lagging!.lagEvents > 100;
  }
  // It was far behind when the other one had taken what was new.
  expect(lags[0]).toBeGreaterThan(4_000);
  for (const one of await models.verify()) expect(one).toMatchObject({ verified: true });
  await projector.stop();
});

test('a build that is being written when leases are renewed stays with its projector', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  const projector = site.ledger.projector({ projections: [counting(1)] });
  await projector.catchUp();
  const writer = await connect(site.url);
  await writer.query('begin');
  await writer.query('select from jobledger.projections for share');
  await enqueue(site, 5);
  expect(await projector.catchUp()).toBe(5);
  expect(await jobs(site)).toBe(10);
  await writer.query('rollback');
  await projector.stop();
});
