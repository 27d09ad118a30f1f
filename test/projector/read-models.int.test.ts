import { expect, test } from 'vitest';
import { column, defineProjection, type Projection } from '../../src/index.js';
import { jobs } from '../../projections/jobs.js';
import { eventually } from '../support/eventually.js';
import { inState, job, openSite, type Site } from '../worker/site.js';
import { counting, fragile } from './counting.js';

const enqueue = (site: Site, count: number, kind = 'k') =>
  site.ledger.enqueueMany(Array.from({ length: count }, (_, n) => ({ job: kind, payload: n })));

const counted = async (site: Site, kind = 'k') =>
  (
    await site.sql<{ jobs: number }>('select jobs::int from jobledger.by_kind where kind = $1', [
      kind,
    ])
  )[0]?.jobs;

test('the status tells the lag in events and seconds, and a caller may wait until there is none', async () => {
  const site = await openSite();
  const projector = site.ledger.projector({ projections: [counting(1)] });
  await projector.catchUp();
  await enqueue(site, 7);
  const models = site.ledger.projections();
  const [behind] = await models.status('by-kind');
  expect(behind).toMatchObject({ state: 'live', events: 0, of: 7, lagEvents: 7, parked: 0 });
  expect(behind!.lagSeconds).toBeGreaterThan(0);
  const short = site.ledger.caughtUp('by-kind', undefined, { timeoutMs: 50 });
  await expect(short).rejects.toMatchObject({ code: 'NOT_CAUGHT_UP' });
  await projector.start();
  const { id, shortId } = await site.ledger.enqueue('k', 1);
  await site.ledger.caughtUp('by-kind', id);
  await site.ledger.caughtUp('by-kind', shortId!);
  expect(await counted(site)).toBe(8);
  await site.ledger.caughtUp('by-kind');
  expect((await models.status())[0]).toMatchObject({ lagEvents: 0, lagSeconds: 0, followed: true });
  for (const [upTo, timeoutMs] of [[null], [5], [{ partition: 1.5, position: 'x' }], [id, NaN]])
    await expect(
      site.ledger.caughtUp('by-kind', upTo as never, { timeoutMs } as never),
    ).rejects.toMatchObject({ code: 'BAD_INPUT' });
  await expect(site.ledger.caughtUp('other')).rejects.toMatchObject({
    code: 'PROJECTION_NOT_FOUND',
  });
  await projector.stop();
});

test('a paused read model stands still in every process until it is resumed', async () => {
  const site = await openSite();
  const projector = site.ledger.projector({ projections: [counting(1)] });
  await projector.start();
  await enqueue(site, 3);
  await site.ledger.caughtUp('by-kind');
  const models = site.ledger.projections();
  await models.pause('by-kind');
  await enqueue(site, 3);
  const other = (await site.open()).projector({ projections: [counting(1)] });
  await other.catchUp();
  expect((await models.status())[0]).toMatchObject({ paused: true, lagEvents: 3 });
  expect(await counted(site)).toBe(3);
  await models.resume('by-kind');
  await site.ledger.caughtUp('by-kind');
  expect(await counted(site)).toBe(6);
  await Promise.all([projector.stop(), other.stop()]);
});

test('a parked job waits with all its later events, and is folded from there when unparked', async () => {
  const site = await openSite();
  let isBroken = true;
  const code = fragile(jobs, 'bad', () => isBroken);
  const projector = site.ledger.projector({ projections: [code] });
  await projector.start();
  const [bad, good] = ['bad', 'good'].map((kind) => job(kind, () => kind));
  const { id } = await site.ledger.enqueue('bad', 1);
  const { id: neighbour } = await site.ledger.enqueue('good', 1);
  await site.start({ jobs: [bad!, good!] });
  await inState(site.ledger, id, 'succeeded');
  await inState(site.ledger, neighbour, 'succeeded');
  await site.ledger.caughtUp('jobs', neighbour);
  await expect(site.ledger.caughtUp('jobs', id)).rejects.toMatchObject({ code: 'JOB_PARKED' });
  const models = site.ledger.projections({ projections: [code] });
  expect(await models.parked('jobs')).toMatchObject([
    { name: 'jobs', version: 1, jobId: id, eventType: 'JobEnqueued', error: 'poison' },
  ]);
  expect(await models.verify()).toMatchObject([{ verified: true, rows: 1, parked: 1 }]);
  expect(await models.unpark('jobs')).toMatchObject({ unparked: 0, parked: [{ jobId: id }] });
  isBroken = false;
  expect(await models.unpark('jobs', id)).toEqual({ unparked: 1, parked: [] });
  const states = await site.sql('select kind, state from jobledger.jobs order by kind');
  expect(states).toEqual([
    { kind: 'bad', state: 'succeeded' },
    { kind: 'good', state: 'succeeded' },
  ]);
  expect(await models.verify()).toMatchObject([{ verified: true, rows: 2, parked: 0 }]);
  await projector.stop();
});

test('a row that the database refuses parks its job alone', async () => {
  const site = await openSite();
  const numbers = defineProjection({
    name: 'numbers',
    version: 1,
    columns: { id: column.uuid, number: column.integer },
    key: ['id'],
    job: 'id',
    on: {
      JobEnqueued: (_, { streamId, data }) => ({ id: streamId, number: data.payload as number }),
    },
  });
  const sizes = Array.from({ length: 500 }, (_, n) => (n === 311 ? 2 ** 40 : n));
  const made = await site.ledger.enqueueMany(sizes.map((payload) => ({ job: 'k', payload })));
  const projector = site.ledger.projector({ projections: [numbers] });
  await projector.catchUp();
  const rows = await site.sql<{ count: number }>('select count(*)::int from jobledger.numbers');
  expect(rows).toEqual([{ count: 499 }]);
  const models = site.ledger.projections({ projections: [numbers] });
  expect(await models.parked()).toMatchObject([{ jobId: made[311]!.id }]);
  expect(await models.verify('numbers')).toMatchObject([{ verified: true, rows: 499 }]);
});

test('a rebuild takes the place of what is served, with nobody else at work or while it is followed', async () => {
  const site = await openSite();
  await enqueue(site, 50);
  const models = site.ledger.projections({ projections: [counting(1)] });
  const seen: number[] = [];
  const status = await models.rebuild('by-kind', { onProgress: ({ events }) => seen.push(events) });
  expect(status).toMatchObject({ state: 'live', events: 50, lagEvents: 0 });
  expect(seen.at(-1)).toBe(50);
  const projector = site.ledger.projector({ projections: [counting(1)] });
  await projector.start();
  await site.sql(`update ${status.table} set jobs = 7`);
  expect(await models.verify()).toMatchObject([
    {
      verified: false,
      differing: 1,
      differences: [
        { key: { kind: 'k' }, what: 'differs', columns: { jobs: { is: 7, want: 50 } } },
      ],
    },
  ]);
  const again = await models.rebuild('by-kind');
  expect(again.build).not.toBe(status.build);
  expect(await counted(site)).toBe(50);
  expect(await models.status()).toHaveLength(1);
  expect(await models.verify()).toMatchObject([{ verified: true, rows: 1 }]);
  await enqueue(site, 1);
  await site.ledger.caughtUp('by-kind');
  expect(await counted(site)).toBe(51);
  await projector.stop();
});

test('a rebuild ends when its ledger closes, or its signal aborts, and goes on when asked again', async () => {
  const site = await openSite();
  await enqueue(site, 50);
  const other = await site.open();
  // Nobody else can take the build that this one keeps.
  const held = other.projector({ projections: [counting(1)] });
  await held.catchUp();
  await site.sql(`update jobledger.projections set state = 'building'`);
  const models = (await site.open()).projections({ projections: [counting(1)] });
  const ending = new AbortController();
  const aborted = models.rebuild('by-kind', {
    signal: ending.signal,
    onProgress: () => ending.abort(new Error('enough')),
  });
  await expect(aborted).rejects.toThrow('enough');
  const third = await site.open();
  const closed = third.projections({ projections: [counting(1)] }).rebuild('by-kind', {
    onProgress: () => void third.close(),
  });
  await expect(closed).rejects.toMatchObject({ code: 'LEDGER_CLOSED' });
  await held.stop();
  expect(await models.rebuild('by-kind')).toMatchObject({ state: 'live', events: 50 });
});

test('a version that was served before is kept up to date, and served again by a rollback', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  const both = [counting(1), counting(2)];
  const models = site.ledger.projections({ projections: both });
  const projector = site.ledger.projector({ projections: both });
  await projector.start();
  await eventually(async () =>
    expect(await models.status()).toMatchObject([
      { version: 1, state: 'retired' },
      { version: 2, state: 'live' },
    ]),
  );
  await enqueue(site, 5);
  expect(await models.rollback('by-kind')).toMatchObject({ version: 1, state: 'live' });
  expect(await counted(site)).toBe(10);
  await site.ledger.caughtUp('by-kind');
  expect(await models.status()).toMatchObject([
    { version: 1, state: 'live' },
    { version: 2, state: 'retired', held: true },
  ]);
  expect(await models.rollback('by-kind', { to: 2 })).toMatchObject({ version: 2, held: false });
  await expect(models.drop('by-kind', 2)).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  await projector.stop();
  await models.drop('by-kind', 1);
  expect(await models.status()).toMatchObject([{ version: 2 }]);
  await expect(models.rollback('by-kind')).rejects.toMatchObject({ code: 'PROJECTION_NOT_FOUND' });
});

test('a read model that is not wanted any more is dropped with its view, unless others stand on it', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  const models = site.ledger.projections({ projections: [counting(1)] });
  await models.rebuild('by-kind');
  await site.sql('create view public.mine as select * from jobledger.by_kind');
  await expect(models.drop('by-kind')).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  expect(await counted(site)).toBe(5);
  await site.sql('drop view public.mine');
  // Who verifies without its code leaves it out.
  expect(await site.ledger.projections().verify()).toEqual([]);
  await models.drop('by-kind');
  expect(await site.sql(`select to_regclass('jobledger.by_kind') as view`)).toEqual([
    { view: null },
  ]);
  await expect(models.status('by-kind')).rejects.toMatchObject({ code: 'PROJECTION_NOT_FOUND' });
  await expect(models.drop('by-kind')).rejects.toMatchObject({ code: 'PROJECTION_NOT_FOUND' });
  expect(await models.rebuild('by-kind')).toMatchObject({ state: 'live', events: 5 });
});

test('a version without its code is served again only as it is', async () => {
  const site = await openSite();
  await enqueue(site, 5);
  const code: Projection[] = [counting(1), counting(2)];
  for (const one of code) await site.ledger.projections({ projections: [one] }).rebuild('by-kind');
  await enqueue(site, 5);
  const none = site.ledger.projections();
  expect(await none.rollback('by-kind', { stale: true })).toMatchObject({
    version: 1,
    lagEvents: 5,
  });
  expect(await counted(site)).toBe(5);
});

test('an event of an unknown version stops the read model before it, and loses nothing', async () => {
  const site = await openSite({ verify: false });
  await enqueue(site, 2);
  await site.sql(
    `insert into jobledger.events select partition, position + 1, ('ffffffff-ffff-4fff-bfff-ffffffffff' || lpad(to_hex(partition::int), 2, '0'))::uuid, 1, type, 99, kind, queue,
      data, meta, recorded_at from jobledger.events order by partition, position desc limit 1`,
  );
  const projector = site.ledger.projector({ projections: [counting(1)] });
  await projector.start();
  await eventually(() =>
    expect(site.logged).toContainEqual(
      expect.objectContaining({ code: 'PROJECTION_STOPPED', level: 'error' }),
    ),
  );
  const [status] = await site.ledger.projections().status();
  expect(status).toMatchObject({ lagEvents: 1, parked: 0 });
  expect(status!.trouble).toMatch(/JobEnqueued\): its form 99 is newer than this program/);
  await projector.stop();
});
