import { expect, test } from 'vitest';
import { column, defineProjection, nullable, type Projection } from '../../src/index.js';
import { openSite, type Site } from '../worker/site.js';
import { counting } from './counting.js';
import { run } from './crash.js';

/** A read model whose row for a payload of 1 is one that cannot be. */
const odd = (make: (id: string) => Record<string, unknown> | null): Projection => ({
  ...defineProjection({
    name: 'odd',
    version: 1,
    columns: { id: column.uuid, more: nullable(column.json), text: nullable(column.text) },
    key: ['id'],
    job: 'id',
    on: { JobEnqueued: (_, { streamId }) => ({ id: streamId, more: null, text: null }) },
  }),
  fold: (_, event) =>
    event.type === 'JobEnqueued' && event.data.payload === 1
      ? (make(event.streamId) as never)
      : { id: event.streamId, more: null, text: null },
});

const OTHER = '00000000-0000-7000-8000-000000000000';

test.each<[string, (id: string) => Record<string, unknown> | null]>([
  ['is JSON that cannot be written', (id) => ({ id, more: { n: 1n } })],
  ['has an object where text belongs', (id) => ({ id, text: { a: 1 } })],
  ['has a number where text belongs', (id) => ({ id, text: 5 })],
  ['has a Date where text belongs', (id) => ({ id, text: new Date() })],
  ['has text that Postgres refuses', (id) => ({ id, text: 'a\0b' })],
  ['has no key', () => ({ more: null })],
  ['has the key of another', () => ({ id: OTHER })],
  ['is null', () => null],
  [
    'is an error with a text that Postgres refuses',
    () => {
      throw new Error('a\0b');
    },
  ],
])('a row that %s parks its job alone', async (_, make) => {
  const site = await openSite({ partitions: 2 });
  const payloads = Array.from({ length: 60 }, (__, n) => ({ job: 'k', payload: n }));
  const made = await site.ledger.enqueueMany(payloads);
  const code = [odd(make), counting(1)];
  await run(site.ledger, code);
  const models = site.ledger.projections({ projections: code });
  expect(await models.parked()).toMatchObject([{ name: 'odd', jobId: made[1]!.id }]);
  expect(await models.verify()).toMatchObject([
    { name: 'by-kind', verified: true, rows: 1 },
    { name: 'odd', verified: true, rows: 59 },
  ]);
});

test.each<[string, unknown]>([
  ['is null', [null]],
  ['is no object', 5],
  ['is text that Postgres refuses', { key: 'a\0b' }],
  ['has an object where text belongs', { key: {} }],
  ['cannot be text at all', { key: Symbol('key') }],
])('a key that %s parks its job alone', async (_, key) => {
  const site = await openSite({ partitions: 2 });
  const payloads = Array.from({ length: 60 }, (__, n) => ({ job: 'k', payload: n }));
  const made = await site.ledger.enqueueMany(payloads);
  const code = [badKey(key), counting(1)];
  await run(site.ledger, code);
  const models = site.ledger.projections({ projections: code });
  expect(await models.parked()).toMatchObject([{ name: 'bad-key', jobId: made[1]!.id }]);
  expect(await models.verify()).toMatchObject([
    { name: 'bad-key', verified: true, rows: 59 },
    { name: 'by-kind', verified: true, rows: 1 },
  ]);
});

/** A read model that gives this key for a payload of 1. */
const badKey = (key: unknown): Projection =>
  defineProjection({
    name: 'bad-key',
    version: 1,
    columns: { key: column.text },
    key: ['key'],
    rows: (event) => {
      if (event.type !== 'JobEnqueued') return undefined;
      return event.data.payload === 1 ? (key as never) : { key: event.streamId };
    },
    on: (_, __, ___, { key: own }) => ({ key: own }),
  });

test('a key that the table writes otherwise names the same row in every stretch', async () => {
  const site = await openSite({ partitions: 2 });
  const keys = { at: column.timestamp, size: column.number, id: column.uuid };
  const spelled = defineProjection({
    name: 'spelled',
    version: 1,
    columns: { ...keys, jobs: column.bigint },
    key: ['at', 'size', 'id'],
    rows: () => ({ at: '2026-01-01T02:00+02:00', size: 1e21, id: OTHER.toUpperCase() }),
    on: (row, _event, _job, key) => ({ ...key, jobs: (row?.jobs ?? 0) + 1 }),
  });
  for (let n = 1; n <= 3; n++) {
    await site.ledger.enqueueMany([{ job: 'k', payload: n }]);
    await run(site.ledger, [spelled]);
    expect(await counted(site)).toEqual([{ jobs: n }]);
  }
  const [verified] = await site.ledger.projections({ projections: [spelled] }).verify();
  expect(verified).toMatchObject({ verified: true, rows: 1 });
});

const counted = ({ sql }: Site) => sql('select jobs::int from jobledger.spelled');

test('a schema of any spelling has read models', async () => {
  const site = await openSite();
  const other = await site.open({ schema: `odd "x' schéma` });
  await other.enqueue('k', 1);
  await run(other, [counting(1)]);
  await run(other, [counting(1), counting(2)]);
  const models = other.projections({ projections: [counting(1), counting(2)] });
  expect(await models.verify()).toMatchObject([{ version: 2, verified: true, rows: 1 }]);
  await models.rebuild('by-kind');
  expect(await models.status()).toMatchObject([
    { state: 'retired' },
    { state: 'live', version: 2 },
  ]);
});

test('a name that a table may have, and a version that no column holds, are refused', () => {
  const named = (name: string, version = 1) => {
    const { columns, key } = counting(1);
    return () => defineProjection({ name, version, columns, key, rows: () => [], on: {} } as never);
  };
  expect(named('jobs-v1')).toThrow(/name: expected no ending like that of a table/);
  expect(named('events-3')).toThrow(/name: expected no ending like that of a table/);
  expect(named('jobs', 2 ** 31)).toThrow(/version: expected a whole number from 1 to/);
});
