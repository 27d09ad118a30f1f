import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { column, defineProjection, type Projection } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { openSite, type Site } from '../worker/site.js';
import { counting, fragile } from './counting.js';
import { run } from './crash.js';

const enqueue = (site: Site, count: number, kind = 'k') =>
  site.ledger.enqueueMany(Array.from({ length: count }, (_, n) => ({ job: kind, payload: n })));

/** Without a column that the other versions have. */
const renamed = (version: number): Projection =>
  defineProjection({
    name: 'by-kind',
    version,
    columns: { kind: column.text, count: column.bigint },
    key: ['kind'],
    rows: ({ kind }) => ({ kind }),
    on: { JobEnqueued: (row, { kind }) => ({ kind, count: (row?.count ?? 0) + 1 }) },
  });

const served = async ({ sql }: Site) =>
  (
    await sql<{ version: number }>(`select version from jobledger.projections where state = 'live'`)
  ).map(({ version }) => version);

async function connect(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

test('views and rights that others have on a view outlive a new version with the same columns', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  await run(site.ledger, [counting(1)]);
  await site.sql('create view public.mine as select * from jobledger.by_kind');
  await site.sql('grant select on jobledger.by_kind to public');
  await run(site.ledger, [counting(1), counting(2)]);
  expect(await served(site)).toEqual([2]);
  await enqueue(site, 5);
  await run(site.ledger, [counting(2)]);
  expect(await site.sql('select jobs::int from public.mine')).toEqual([{ jobs: 10 }]);
  const rights = `select has_table_privilege('public', 'jobledger.by_kind', 'select') as may`;
  expect(await site.sql(rights)).toEqual([{ may: true }]);
  await run(site.ledger, [counting(2), renamed(3)]);
  expect(await served(site)).toEqual([2]);
});

test('a new version without a column that others use waits for them, and says so', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  const other = { ...counting(1), name: 'other' };
  await run(site.ledger, [counting(1)]);
  await site.sql('grant select on jobledger.by_kind to public');
  await site.sql('create view public.mine as select * from jobledger.by_kind');
  const models = site.ledger.projections({ projections: [renamed(2)] });
  await expect(models.rebuild('by-kind')).rejects.toThrow(
    /others are built on its view.*view public.mine depends on view jobledger.by_kind|others are built on its view.*view mine depends/s,
  );
  await run(site.ledger, [renamed(2), other]);
  // What cannot be served keeps no other from it.
  expect(await site.sql('select jobs::int from jobledger.other')).toEqual([{ jobs: 5 }]);
  expect(await site.sql('select jobs::int from jobledger.by_kind')).toEqual([{ jobs: 5 }]);
  await site.sql('drop view public.mine');
  await models.rebuild('by-kind');
  expect(await site.sql('select count::int from jobledger.by_kind')).toEqual([{ count: 5 }]);
  const rights = `select has_table_privilege('public', 'jobledger.by_kind', 'select') as may`;
  expect(await site.sql(rights)).toEqual([{ may: true }]);
});

test('a reader who keeps the view delays the new version, and neither appenders nor the old version', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  const projector = site.ledger.projector({ projections: [counting(1)] });
  await projector.start();
  await site.ledger.caughtUp('by-kind');
  const reader = await connect(site.url);
  await reader.query('begin');
  await reader.query('select * from jobledger.by_kind');
  const next = (await site.open()).projector({ projections: [renamed(2)] });
  await next.start();
  const waits: number[] = [];
  await eventually(async () =>
    expect(await site.ledger.projections().status()).toMatchObject([
      { version: 1 },
      { version: 2, lagEvents: 0 },
    ]),
  );
  for (let n = 0; n < 20; n++) {
    const began = performance.now();
    await site.ledger.enqueue('k', n);
    waits.push(performance.now() - began);
    await site.ledger.caughtUp('by-kind');
  }
  expect(Math.max(...waits)).toBeLessThan(1_000);
  expect(await served(site)).toEqual([1]);
  await reader.query('commit');
  await eventually(async () => expect(await served(site)).toEqual([2]));
  await site.ledger.caughtUp('by-kind');
  expect(await site.sql('select count::int from jobledger.by_kind')).toEqual([{ count: 25 }]);
  await Promise.all([projector.stop(), next.stop()]);
});

test('a new version that parks a job while it catches up is not served', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  await run(site.ledger, [counting(1)]);
  await enqueue(site, 1, 'bad');
  await run(site.ledger, [counting(1), fragile(counting(2), 'bad', () => true)]);
  expect(await served(site)).toEqual([1]);
  expect(await site.ledger.projections().status()).toMatchObject([
    { version: 1, trouble: null },
    { version: 2, trouble: expect.stringMatching(/has parked jobs that version 1 shows/) },
  ]);
});

test('a reader who keeps the table of a build that is replaced keeps nobody from the new one', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  const models = site.ledger.projections({ projections: [counting(1)] });
  const { table } = await models.rebuild('by-kind');
  const reader = await connect(site.url);
  await reader.query('begin');
  await reader.query(`select * from ${table}`);
  expect(await models.rebuild('by-kind')).toMatchObject({ state: 'live' });
  expect(await models.status()).toHaveLength(2);
  await reader.query('commit');
  await run(site.ledger, [counting(1)]);
  expect(await models.status()).toHaveLength(1);
});
