import { expect, onTestFinished, test } from 'vitest';
import type { Projection } from '../../src/index.js';
import { counting } from '../projector/counting.js';
import { forget, run, states } from '../projector/crash.js';
import { eventually } from '../support/eventually.js';
import { startProxy } from '../support/proxy.js';
import { openSite, type Site } from '../worker/site.js';

const enqueue = (site: Site, count: number) =>
  site.ledger.enqueueMany(Array.from({ length: count }, (_, n) => ({ job: 'k', payload: n })));

const jobs = async ({ sql }: Site) =>
  (await sql<{ jobs: number }>('select jobs::int from jobledger.by_kind'))[0]?.jobs;

test('a projector that stands still at any step and wakes when another has gone on changes nothing', async () => {
  const site = await openSite({ partitions: 2 });
  for (let n = 0; n < 2; n++) await enqueue(site, 20);
  const proxy = await startProxy(site.url);
  const sleeper = await site.open({ database: proxy.url });
  const code = [counting(1), counting(2)];
  const models = site.ledger.projections({ projections: code });
  let step = 0;
  for (let came = true; came;) {
    await forget(site);
    await run(site.ledger, [counting(1)]);
    const fate = proxy.shutAt((step += 2), 'stalled');
    let ended = false;
    const late = run(sleeper, code)
      .catch(() => {})
      .finally(() => (ended = true));
    await eventually(() => fate.came || ended);
    came = fate.came;
    await takeOver(site, [counting(1), counting(2)]);
    const [before] = await buildsOf(site);
    proxy.open();
    await late;
    expect(await jobs(site)).toBe(40);
    expect((await buildsOf(site))[0], `step ${step}`).toEqual(before);
    expect(await models.verify()).toMatchObject([{ version: 2, verified: true, rows: 1 }]);
  }
  expect(step).toBeGreaterThan(25);
}, 120_000);

test('a copy that stands still keeps its build only until another projector ends it', async () => {
  const site = await openSite({ partitions: 1 });
  await enqueue(site, 3_000);
  const proxy = await startProxy(site.url);
  const sleeper = await site.open({ database: proxy.url });
  const reads = proxy.stallAfter('jobledger"."events_0');
  const late = run(sleeper, [states(1)]).catch((error: unknown) => error);
  await reads;
  // What it has is over long before it writes: later the row is locked.
  await site.sql(
    `update jobledger.projections set lease_until = clock_timestamp() - interval '1 h'`,
  );
  const copies = proxy.stallAfter('from stdin');
  proxy.open();
  await copies;
  await takeOver(site, [states(1)]);
  proxy.open();
  expect(String(await late)).toMatch(/terminat/);
  const models = site.ledger.projections({ projections: [states(1)] });
  expect(await models.verify()).toMatchObject([{ verified: true, rows: 3_000 }]);
});

/** Another projector brings the latest version to where the log ends, once the leases are over. */
async function takeOver(site: Site, code: readonly Projection[]): Promise<void> {
  const heir = site.ledger.projector({ projections: code });
  await eventually(
    async () => {
      await site.sql(
        `update jobledger.projections set lease_until = clock_timestamp() - interval '1 minute'
          where id in (select id from jobledger.projections for no key update skip locked)`,
      );
      await heir.catchUp();
      const status = await site.ledger.projections().status();
      expect(status.at(-1)).toMatchObject({ state: 'live', lagEvents: 0 });
    },
    { timeoutMs: 20_000 },
  );
  // It lives on: its leases are good.
  onTestFinished(() => heir.stop());
}

function buildsOf({ sql }: Site): Promise<object[]> {
  return sql(`select array_agg(row(id, state, table_name) order by id)::text as builds
    from jobledger.projections`);
}
