import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { expect, test } from 'vitest';
import { defineJob, type EnqueueItem, type Enqueued } from 'jobledger';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();

const numbers = (count: number): EnqueueItem[] =>
  Array.from({ length: count }, (_, n) => ({ job: 'count', payload: { n } }));

async function payloads(answers: readonly Enqueued[]): Promise<unknown[]> {
  const rows = await site.ask<{ id: string; payload: unknown }>(
    `select stream_id as id, data->'payload' as payload from jobledger.events where version = 1`,
  );
  const byId = new Map(rows.map((row) => [row.id, row.payload]));
  return answers.map(({ id }) => byId.get(id));
}

const eventCount = async (): Promise<number> =>
  Number((await site.ask(`select count(*) from jobledger.events`))[0]!['count']);

test('an enqueued job is there with its short id, whatever names it', async () => {
  const ledger = await site.open();
  const answer = await ledger.enqueue('mail', { to: 'ada' }, { tenant: 'acme', actor: 'web' });
  expect(answer).toMatchObject({ created: true, state: 'available' });
  expect(answer.shortId).toMatch(/^\d+\/\d+$/);
  const job = await ledger.get(answer.id);
  expect(job).toMatchObject({
    id: answer.id,
    shortId: answer.shortId,
    version: 1,
    payload: { to: 'ada' },
    meta: { tenant: 'acme', actor: 'web' },
  });
  expect(await ledger.get(answer.shortId!)).toEqual(job);
  expect(await ledger.get(answer.id.toUpperCase())).toEqual(job);
  expect(await ledger.history(answer.shortId!)).toMatchObject([
    { type: 'JobEnqueued', schemaVersion: 1, kind: 'mail', queue: 'default', version: 1 },
  ]);
});

test('an id or short id that no job has gives nothing, other text is refused', async () => {
  const ledger = await site.open();
  expect(await ledger.get(randomUUID())).toBeUndefined();
  expect(await ledger.get('3/999999')).toBeUndefined();
  expect(await ledger.get('200/1')).toBeUndefined();
  expect(await ledger.history(randomUUID())).toEqual([]);
  for (const id of ['', 'x', '1/', "1'; drop table x", undefined, null, 7n]) {
    await expect(ledger.get(id as string)).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(/^id: expected a UUID or a short id/),
    });
  }
});

test.each([{ atomic: false }, { atomic: true }])(
  'enqueueMany gives ids in the order of its items, atomic: $atomic',
  async ({ atomic }) => {
    const ledger = await site.open();
    const answers = await ledger.enqueueMany(numbers(2_500), { atomic });
    expect(new Set(answers.map((one) => one.id)).size).toBe(2_500);
    expect(await payloads(answers)).toEqual(numbers(2_500).map((item) => item.payload));
  },
);

test('an empty list is enqueued at once', async () => {
  const ledger = await site.open();
  expect(await ledger.enqueueMany([])).toEqual([]);
  expect(await ledger.enqueueMany([], { atomic: true })).toEqual([]);
});

test('an atomic set is one transaction in one partition, and a bad item leaves nothing of it', async () => {
  const ledger = await site.open();
  const answers = await ledger.enqueueMany(numbers(30), { atomic: true });
  const written = await site.ask(
    `select distinct partition, xmin from jobledger.events where stream_id = any($1::uuid[])`,
    [answers.map((one) => one.id)],
  );
  expect(written).toHaveLength(1);
  const before = await eventCount();
  const bad = [...numbers(3), { job: 'count', payload: {}, priority: 1e9 }];
  await expect(ledger.enqueueMany(bad, { atomic: true })).rejects.toMatchObject({
    code: 'BAD_INPUT',
    message: expect.stringMatching(/^items\[3\]: priority: expected an integer/),
  });
  await expect(ledger.enqueueMany(bad)).rejects.toThrow('items[3]: priority');
  expect(await eventCount()).toBe(before);
});

test('an atomic set with ids of many partitions is one transaction', async () => {
  const ledger = await site.open();
  const items = numbers(40).map((item) => ({ ...item, id: randomUUID() }));
  const answers = await ledger.enqueueMany(items, { atomic: true });
  expect(answers.map((one) => one.id)).toEqual(items.map((item) => item.id));
  const [row] = await site.ask(
    `select count(distinct xmin::text)::int as transactions, count(distinct partition)::int as partitions
     from jobledger.events where stream_id = any($1::uuid[])`,
    [items.map((item) => item.id)],
  );
  expect(row).toMatchObject({ transactions: 1 });
  expect(row!['partitions']).toBeGreaterThan(1);
});

test.each([{ atomic: false }, { atomic: true }])(
  'a chosen id makes one job, however often it is enqueued, atomic: $atomic',
  async ({ atomic }) => {
    const ledger = await site.open();
    const id = randomUUID();
    const first = await ledger.enqueueMany([{ job: 'a', payload: 1, id }], { atomic });
    expect(first).toMatchObject([{ id, created: true }]);
    const mixed: EnqueueItem[] = [
      { job: 'a', payload: 2, id },
      { job: 'a', payload: 3 },
      { job: 'a', payload: 4, id: randomUUID() },
      { job: 'a', payload: 5, id: id.toUpperCase() },
    ];
    const answers = await ledger.enqueueMany(mixed, { atomic });
    expect(answers.map((one) => one.created)).toEqual([false, true, true, false]);
    expect(answers[0]).toEqual({ ...first[0], created: false });
    expect(await payloads(answers)).toEqual([1, 3, 4, 1]);
  },
);

test.each([{ atomic: false }, { atomic: true }])(
  'an id repeated within one call makes one job, the first, atomic: $atomic',
  async ({ atomic }) => {
    const ledger = await site.open();
    const id = randomUUID();
    const items = [1, 2, 3].map((payload) => ({ job: 'a', payload, id }));
    const answers = await ledger.enqueueMany(items, { atomic });
    expect(answers.map((one) => one.created)).toEqual([true, false, false]);
    const [{ payload }] = (await site.ask<{ payload: number }>(
      `select data->'payload' as payload from jobledger.events where stream_id = $1`,
      [id],
    )) as [{ payload: number }];
    expect(payload).toBe(1);
  },
);

test('an id that a job of another kind has is refused, together or later', async () => {
  const ledger = await site.open();
  const id = randomUUID();
  const refused = { code: 'JOB_EXISTS', jobId: id };
  const both = [
    { job: 'one', payload: 1, id },
    { job: 'two', payload: 2, id },
  ];
  await expect(ledger.enqueueMany(both, { atomic: true })).rejects.toMatchObject(refused);
  expect(await ledger.get(id)).toBeUndefined();
  await expect(ledger.enqueueMany(both)).rejects.toMatchObject(refused);
  const job = await ledger.get(id);
  for (const unique of [undefined, { key: 'k' }]) {
    const other = ledger.enqueue('three', 1, { id, ...(unique && { unique }) });
    await expect(other).rejects.toMatchObject(refused);
  }
  await expect(
    ledger.enqueueMany([{ job: 'three', payload: 1, id }], { atomic: true }),
  ).rejects.toMatchObject(refused);
  expect(await ledger.get(id)).toEqual(job);
});

test('the job goes before its kind and the kind before the library, 0 included', async () => {
  const kind = defineJob({
    kind: 'precedence',
    payload: z.object({}),
    queue: 'kinds',
    priority: 7,
    maxAttempts: 3,
    timeout: null,
    retry: { type: 'fixed', baseMs: 0 },
  });
  const ledger = await site.open();
  const stored = async (options: object, job: typeof kind | string = kind) =>
    (await ledger.get((await ledger.enqueue(job, {}, options)).id))!;
  expect(await stored({})).toMatchObject({
    queue: 'kinds',
    priority: 7,
    maxAttempts: 3,
    timeoutMs: null,
    retry: { type: 'fixed', baseMs: 0 },
  });
  const own = { queue: 'mine', priority: 0, maxAttempts: 1, timeout: 1, retry: { capMs: 5_000 } };
  expect(await stored(own)).toMatchObject({
    queue: 'mine',
    priority: 0,
    maxAttempts: 1,
    timeoutMs: 1,
    retry: { type: 'exponential', capMs: 5_000 },
  });
  const library = await stored({}, 'unheard-of');
  expect(library).toMatchObject({ queue: 'default', priority: 0, maxAttempts: 5 });
  expect(library).toMatchObject({ timeoutMs: 900_000 });
});

test('a job with a time to come is scheduled, and reads as available once it has come', async () => {
  let shift = 0;
  const ledger = await site.open({ clockShiftMs: () => shift });
  const runAt = new Date(Date.now() + 3_600_000);
  const [at, delayed, past, now] = await ledger.enqueueMany([
    { job: 'timed', payload: 1, runAt },
    { job: 'timed', payload: 2, delay: 3_600_000 },
    { job: 'timed', payload: 3, runAt: '2020-01-01T00:00:00+02:00' },
    { job: 'timed', payload: 4, delay: 0 },
  ]);
  expect([at, delayed, past, now].map((one) => one!.state)).toEqual([
    ...['scheduled', 'scheduled', 'available', 'available'],
  ]);
  const job = await ledger.get(at!.id);
  expect(job).toMatchObject({
    state: 'scheduled',
    runAt: runAt.toISOString().replace('Z', '000Z'),
  });
  expect((await ledger.get(delayed!.id))!.state).toBe('scheduled');
  shift = 3_700_000;
  expect((await ledger.get(at!.id))!.state).toBe('available');
  expect((await ledger.get(delayed!.id))!.state).toBe('available');
});

test('concurrent enqueues share transactions, and positions stay dense', async () => {
  const ledger = await site.open();
  const answers = await Promise.all(
    Array.from({ length: 3_000 }, (_, n) => ledger.enqueue('shared', { n })),
  );
  const [row] = await site.ask(
    `select count(distinct xmin::text)::int as transactions, count(*)::int as events
     from jobledger.events where kind = 'shared'`,
  );
  expect(row).toMatchObject({ events: 3_000 });
  expect(row!['transactions']).toBeLessThan(30);
  expect(new Set(answers.map((one) => one.shortId)).size).toBe(3_000);
  const gaps = await site.ask(
    `select partition from jobledger.events group by partition having max(position) <> count(*)`,
  );
  expect(gaps).toEqual([]);
});
