import { expect, test } from 'vitest';
import type { Enqueued, EnqueueOptions, Ledger } from 'jobledger';
import { ledgerSite } from '../support/ledger.js';
import { fail } from '../support/fail-job.js';

const site = await ledgerSite();
const by = { actor: 'ada', reason: 'test' };

const keyed = (ledger: Ledger, unique: EnqueueOptions['unique'], options: EnqueueOptions = {}) =>
  ledger.enqueue('keyed', {}, { ...options, unique });

const types = async (ledger: Ledger, { id }: Enqueued): Promise<string[]> =>
  (await ledger.history(id)).map((event) => event.type);

test('one key from many ledgers at once gives one job, and records who asked again', async () => {
  const ledgers = await Promise.all(Array.from({ length: 4 }, () => site.open()));
  const answers = await Promise.all(
    ledgers.flatMap((ledger, n) =>
      Array.from({ length: 15 }, () => keyed(ledger, { key: 'crowd' }, { actor: `web ${n}` })),
    ),
  );
  expect(new Set(answers.map((one) => one.id)).size).toBe(1);
  expect(answers.filter((one) => one.created)).toHaveLength(1);
  expect(new Set(answers.map((one) => one.shortId)).size).toBe(1);
  await site.move();
  const events = await ledgers[0]!.history(answers[0]!.id);
  const times = events.flatMap((one) => (one.type === 'JobDeduplicated' ? [one.data.times] : []));
  expect(times.reduce((sum, one) => sum + one, 0)).toBe(59);
  const last = events.at(-1)!;
  expect(last.type === 'JobDeduplicated' && last.data.by).toMatch(/^web \d$/);
  expect((await ledgers[0]!.verify()).differences).toEqual([]);
});

test('many notes of one job become one event', async () => {
  const ledger = await site.open();
  const first = await keyed(ledger, { key: 'noted' });
  for (let n = 0; n < 5; n++) await keyed(ledger, { key: 'noted' }, { actor: `${n}` });
  await site.move();
  expect(await ledger.history(first.id)).toMatchObject([
    { type: 'JobEnqueued' },
    { type: 'JobDeduplicated', version: 2, data: { times: 5, by: '4' } },
  ]);
});

test('two movers at once record no note twice', async () => {
  const ledger = await site.open();
  const first = await keyed(ledger, { key: 'movers' });
  await Promise.all(Array.from({ length: 40 }, () => keyed(ledger, { key: 'movers' })));
  await Promise.all([site.move(), site.move(), site.move()]);
  await site.move();
  const events = await ledger.history(first.id);
  const times = events.flatMap((one) => (one.type === 'JobDeduplicated' ? [one.data.times] : []));
  expect(times.reduce((sum, one) => sum + one, 0)).toBe(40);
});

test('keys are per tenant and kind', async () => {
  const ledger = await site.open();
  const unique = { key: 'shared' };
  const answers = [
    await ledger.enqueue('one', {}, { unique }),
    await ledger.enqueue('two', {}, { unique }),
    await ledger.enqueue('one', {}, { unique, tenant: 'acme' }),
    await ledger.enqueue('one', {}, { unique, queue: 'other' }),
  ];
  expect(answers.map((one) => one.created)).toEqual([true, true, true, false]);
  expect(answers[3]!.id).toBe(answers[0]!.id);
});

test('an active key is free once its job has ended, a forever key is not', async () => {
  const ledger = await site.open();
  const active = await keyed(ledger, { key: 'active' });
  const forever = await keyed(ledger, { key: 'forever', scope: 'forever' });
  for (const { id } of [active, forever]) await ledger.cancel(id, by);
  expect(await keyed(ledger, { key: 'active' })).toMatchObject({ created: true });
  expect(await keyed(ledger, { key: 'forever', scope: 'forever' })).toEqual({
    ...forever,
    created: false,
    state: 'canceled',
  });
});

test('a key within a time is free when the time is over, by the clock of the database', async () => {
  let shift = 0;
  const ledger = await site.open({ clockShiftMs: () => shift });
  const unique = { key: 'hour', scope: { within: 3_600_000 } } as const;
  const first = await keyed(ledger, unique);
  await ledger.cancel(first.id, by);
  shift = 3_500_000;
  expect(await keyed(ledger, unique)).toMatchObject({ id: first.id, created: false });
  shift = 3_700_000;
  const second = await keyed(ledger, unique);
  expect(second.created).toBe(true);
  expect(await keyed(ledger, unique)).toMatchObject({ id: second.id, created: false });
});

test('who wants no job but his own is told which job has the key', async () => {
  const ledger = await site.open();
  const first = await keyed(ledger, { key: 'mine' });
  await expect(keyed(ledger, { key: 'mine', onConflict: 'reject' })).rejects.toMatchObject({
    code: 'UNIQUE_KEY_TAKEN',
    jobId: first.id,
    message: `unique.key: "mine" is taken by job ${first.id}`,
  });
  await site.move();
  expect(await types(ledger, first)).toEqual(['JobEnqueued', 'JobDeduplicated']);
});

test('a key that an open transaction holds is busy, and stops no partition', async () => {
  const ledger = await site.open();
  const stranger = await site.connect();
  await stranger.query('begin');
  await ledger.enqueue('keyed', 1, { unique: { key: 'busy' }, transaction: stranger });
  const refused = expect(keyed(ledger, { key: 'busy' })).rejects.toMatchObject({
    code: 'UNIQUE_KEY_BUSY',
    message: 'unique.key: an open transaction holds "busy"; try again when it has ended',
  });
  const others = Array.from({ length: 16 }, (_, n) => keyed(ledger, { key: `free ${n}` }));
  const plain = Array.from({ length: 16 }, () => ledger.enqueue('plain', 1));
  const answers = await Promise.all([...others, ...plain]);
  expect(answers.every((one) => one.created)).toBe(true);
  await refused;
  await stranger.query('rollback');
  expect(await keyed(ledger, { key: 'busy' })).toMatchObject({ created: true });
});

test('a retried job takes its key again, or is refused beside the job that has it now', async () => {
  const ledger = await site.open();
  const first = await keyed(ledger, { key: 'again' }, { maxAttempts: 1 });
  await fail(ledger, 'keyed', first.id);
  const second = await keyed(ledger, { key: 'again' }, { runAt: new Date(Date.now() + 1e7) });
  expect(second.created).toBe(true);
  const before = await ledger.history(first.id);
  await expect(ledger.retry(first.id, by)).rejects.toMatchObject({
    code: 'UNIQUE_KEY_TAKEN',
    jobId: first.id,
    message: expect.stringContaining(second.id),
  });
  expect(await ledger.history(first.id)).toEqual(before);
  await ledger.cancel(second.id, by);
  expect(await ledger.retry(first.id, by)).toMatchObject({ state: 'available' });
  expect(await keyed(ledger, { key: 'again' })).toMatchObject({ id: first.id, created: false });
  expect((await ledger.verify()).differences).toEqual([]);
});

test('a chosen id is found again whoever has its key by now', async () => {
  const ledger = await site.open();
  const id = '3f2c1e0a-5a5a-4a5a-8a5a-0123456789ab';
  const first = await keyed(ledger, { key: 'by id' }, { id });
  await ledger.cancel(id, by);
  const other = await keyed(ledger, { key: 'by id' });
  expect(other.created).toBe(true);
  const again = await keyed(ledger, { key: 'by id' }, { id });
  expect(again).toEqual({ ...first, created: false, state: 'canceled' });
});
