import { z } from 'zod';
import { expect, test } from 'vitest';
import { defineJob, openLedger, type Ledger } from 'jobledger';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
import { startProxy } from '../support/proxy.js';

const site = await ledgerSite();
const by = { actor: 'ada', reason: 'test' };

test('close lets everything that was accepted finish, and may be called twice', async () => {
  const ledger = await site.open();
  const calls = [
    ...Array.from({ length: 300 }, (_, n) => ledger.enqueue('accepted', n)),
    ...Array.from({ length: 60 }, (_, n) =>
      ledger.enqueue('accepted', n, { unique: { key: `${n}` } }),
    ),
    ledger.enqueueMany([{ job: 'accepted', payload: 1 }], { atomic: true }).then(([one]) => one!),
  ];
  const closed = Promise.all([ledger.close(), ledger.close()]);
  const answers = await Promise.all(calls);
  await closed;
  await ledger.close();
  expect(answers.every((one) => one.created)).toBe(true);
  const rows = await site.ask(`select from jobledger.events where kind = 'accepted'`);
  expect(rows).toHaveLength(361);
});

const CALLS: readonly (readonly [string, (ledger: Ledger) => unknown])[] = [
  ['enqueue', (ledger) => ledger.enqueue('late', {})],
  ['enqueueMany', (ledger) => ledger.enqueueMany([])],
  ['get', (ledger) => ledger.get('0/1')],
  ['history', (ledger) => ledger.history('0/1')],
  ['list', (ledger) => ledger.list()],
  ['cancel', (ledger) => ledger.cancel('0/1', by)],
  ['retry', (ledger) => ledger.retry('0/1', by)],
  ['discard', (ledger) => ledger.discard('0/1', by)],
  ['reschedule', (ledger) => ledger.reschedule('0/1', { ...by, runAt: new Date() })],
  ['reprioritize', (ledger) => ledger.reprioritize('0/1', { ...by, priority: 1 })],
  ['stats', (ledger) => ledger.stats()],
  ['verify', (ledger) => ledger.verify()],
  ['workerInfo', (ledger) => ledger.workerInfo(1)],
  ['migrate', (ledger) => ledger.migrate()],
  ['worker', (ledger) => ledger.worker({ jobs: [] })],
];

test.each(CALLS)('%s is refused once the ledger closes', async (_, call) => {
  const ledger = await site.open();
  const closing = ledger.close();
  const closed = { code: 'LEDGER_CLOSED', message: 'the ledger is closed' };
  await expect((async () => call(ledger))()).rejects.toMatchObject(closed);
  await closing;
  await expect((async () => call(ledger))()).rejects.toMatchObject(closed);
});

test('a handler may still enqueue while its ledger closes', async () => {
  const ledger = await site.open();
  let begun: () => void;
  let goOn: () => void;
  const running = new Promise<void>((resolve) => (begun = resolve));
  const gate = new Promise<void>((resolve) => (goOn = resolve));
  const job = defineJob({
    kind: 'closing',
    payload: z.any(),
    handle: async (_payload, context) => {
      begun();
      await gate;
      await context.ledger.enqueue('follow-up', {});
    },
  });
  await ledger.worker({ jobs: [job] }).start();
  const { id } = await ledger.enqueue(job, {});
  await running;
  const closing = ledger.close();
  goOn!();
  await closing;
  const again = await site.open();
  expect(await again.get(id)).toMatchObject({ state: 'succeeded' });
  const [follow] = await again.list({ kind: 'follow-up' });
  expect(follow).toMatchObject({ state: 'available' });
});

test('a ledger closes at the end of its scope, and leaves no connection', async () => {
  const database = { ...site.database.config, application_name: 'scoped' };
  const ours = `select from pg_stat_activity where application_name = 'scoped'`;
  {
    await using ledger = await openLedger({ database, logger: false });
    await ledger.enqueue('scoped', {});
    await ledger
      .worker({ jobs: [defineJob({ kind: 'x', payload: z.any(), handle: () => 1 })] })
      .start();
    expect((await site.ask(ours)).length).toBeGreaterThan(0);
  }
  await eventually(async () => expect(await site.ask(ours)).toEqual([]));
});

test('two ledgers in one process share nothing', async () => {
  const one = await site.open();
  const other = await site.open({ schema: 'other', migrate: true, partitions: 3 });
  expect(one.ledgerId).not.toBe(other.ledgerId);
  const unique = { key: 'same' };
  const first = await one.enqueue('a', 1, { unique });
  const second = await other.enqueue('a', 2, { unique });
  expect(second.created).toBe(true);
  expect(await other.get(first.id)).toBeUndefined();
  await one.close();
  expect(await other.get(second.id)).toMatchObject({ payload: 2 });
  expect(await other.verify()).toMatchObject({ verified: true, jobs: 1 });
});

test('behind a pooler nothing is named, listened for or set for a session', async () => {
  const proxy = await startProxy(site.database.url);
  const ledger = await site.open({ database: proxy.url, pooler: true });
  let done: () => void;
  const ran = new Promise<void>((resolve) => (done = resolve));
  const job = defineJob({ kind: 'pooled', payload: z.any(), handle: () => done() });
  await ledger.worker({ jobs: [job] }).start();
  await ledger.enqueueMany(
    [
      { job, payload: 1 },
      { job: 'pooled.key', payload: 2, unique: { key: 'k' } },
    ],
    { atomic: true },
  );
  const { id } = await ledger.enqueue('pooled.other', {}, { unique: { key: 'k' }, delay: 60_000 });
  await ledger.enqueue('pooled.other', {}, { unique: { key: 'k' } });
  await ledger.reschedule(id, { ...by, runAt: new Date(Date.now() + 1e6) });
  await ran;
  await eventually(async () => (await ledger.list({ kind: 'pooled' }))[0]!.state === 'succeeded');
  expect(await ledger.get(id)).toMatchObject({ state: 'scheduled' });
  await ledger.stats();
  expect(await ledger.verify()).toMatchObject({ verified: true });
  await ledger.close();
  expect(proxy.sent).toContain('insert into');
  expect(proxy.sent).not.toMatch(/jl_/);
  expect(proxy.sent).not.toMatch(/\blisten\b/i);
  expect(proxy.sent).not.toMatch(/-c enable_seqscan/);
  const unlocal = proxy.sent.match(/(^|[\0;] *)set (?!local|_config)\w+/gi) ?? [];
  expect(unlocal).toEqual([]);
});
