import { expect, test } from 'vitest';
import { projections } from '../../projections/index.js';
import { eventually } from '../support/eventually.js';
import { job, openSite, type Site } from '../worker/site.js';
import { counting } from './counting.js';
import { run } from './crash.js';

const enqueue = (site: Site, count: number) =>
  site.ledger.enqueueMany(Array.from({ length: count }, (_, n) => ({ job: 'k', payload: n })));

const DROPS: readonly (readonly [string, (site: Site, table: string) => Promise<unknown>])[] = [
  ['the table', ({ sql }, table) => sql(`drop table ${table} cascade`)],
  ['the view', ({ sql }) => sql('drop view jobledger.by_kind')],
  ['the rows', ({ sql }) => sql('delete from jobledger.projections')],
  ['the checkpoints', ({ sql }) => sql('delete from jobledger.checkpoints')],
  [
    'all of it',
    async ({ sql }, table) => {
      await sql(`drop table ${table} cascade`);
      await sql('delete from jobledger.projections');
    },
  ],
];

test.each(DROPS)('a read model is made again when somebody has dropped %s', async (_, drop) => {
  const site = await openSite();
  await enqueue(site, 20);
  await run(site.ledger, [counting(1)]);
  const models = site.ledger.projections({ projections: [counting(1)] });
  await drop(site, (await models.status())[0]!.table);
  await enqueue(site, 5);
  await run(site.ledger, [counting(1)]);
  expect(await models.verify('by-kind')).toMatchObject([{ verified: true, rows: 1 }]);
  expect(await site.sql('select jobs::int from jobledger.by_kind')).toEqual([{ jobs: 25 }]);
  expect(await models.status()).toHaveLength(1);
});

test('all read models dropped in the middle of a drain change no outcome, and come again', async () => {
  const site = await openSite();
  const projector = site.ledger.projector({ projections });
  const models = site.ledger.projections({ projections });
  await projector.start();
  const kinds = [
    job('good', () => 1),
    job('bad', () => Promise.reject(new Error('no')), { maxAttempts: 2 }),
  ];
  await site.ledger.enqueueMany(
    Array.from({ length: 2_000 }, (_, n) => ({ job: kinds[Number(n % 10 === 0)]!, payload: n })),
  );
  await site.start({ jobs: kinds, concurrency: 5 });
  const ended = async () => {
    const { states } = await site.ledger.stats();
    return states.succeeded + states.failed;
  };
  await eventually(async () => expect(await ended()).toBeGreaterThan(100));
  const before = await ended();
  for (const { view, table } of await models.status()) {
    await eventually(() => site.sql(`drop view if exists ${view}`));
    await eventually(() => site.sql(`drop table if exists ${table} cascade`));
  }
  await site.sql('delete from jobledger.projections');
  expect(before).toBeLessThan(2_000);
  await eventually(async () => expect(await ended()).toBe(2_000), { timeoutMs: 20_000 });
  await eventually(
    async () => {
      const status = await models.status();
      expect(status.map(({ state }) => state)).toEqual(projections.map(() => 'live'));
    },
    { timeoutMs: 20_000 },
  );
  for (const { name } of projections) await site.ledger.caughtUp(name);
  for (const one of await models.verify()) expect(one).toMatchObject({ verified: true });
  const states = await site.sql(
    'select state, count(*)::int from jobledger.jobs group by 1 order by 1',
  );
  expect(states).toEqual([
    { state: 'failed', count: 200 },
    { state: 'succeeded', count: 1_800 },
  ]);
  await projector.stop();
});
