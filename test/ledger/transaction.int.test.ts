import { randomUUID } from 'node:crypto';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import type { EnqueueOptions, Ledger } from 'jobledger';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const by = { actor: 'ada', reason: 'test' };

type Enqueue = (options: EnqueueOptions) => Promise<{ id: string; created: boolean }>;

/** Runs work in a transaction of one sort, which commits unless the work throws. */
type InTransaction = (ledger: Ledger, work: (enqueue: Enqueue) => Promise<void>) => Promise<void>;

const withClient: InTransaction = async (ledger, work) => {
  const client = await site.connect();
  await client.query('begin');
  try {
    await work((options) => ledger.enqueue('tx', {}, { ...options, transaction: client }));
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  }
};

const withKysely: InTransaction = async (ledger, work) => {
  const pool = new pg.Pool({ connectionString: site.database.url });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    await db
      .transaction()
      .execute((transaction) =>
        work((options) => ledger.enqueue('tx', {}, { ...options, transaction })),
      );
  } finally {
    await db.destroy();
  }
};

const SORTS = [
  ['a pg client', withClient],
  ['a Kysely transaction', withKysely],
] as const;

test.each(SORTS)(
  'a job in %s exists exactly if it commits, and so does its key',
  async (sort, run) => {
    const ledger = await site.open();
    const key = { unique: { key: sort } };
    const ids: string[] = [];
    const undone = run(ledger, async (enqueue) => {
      ids.push((await enqueue({})).id, (await enqueue(key)).id);
      throw new Error('roll it back');
    });
    await expect(undone).rejects.toThrow('roll it back');
    await site.move();
    for (const id of ids) expect(await ledger.get(id)).toBeUndefined();
    const kept: string[] = [];
    await run(ledger, async (enqueue) => {
      kept.push((await enqueue({})).id, (await enqueue(key)).id);
      expect(await ledger.get(kept[0]!)).toBeUndefined();
    });
    for (const id of kept) {
      expect(await ledger.get(id)).toMatchObject({ version: 0, shortId: null, state: 'available' });
    }
    await site.move();
    for (const id of kept) expect(await ledger.get(id)).toMatchObject({ version: 1 });
    expect(await ledger.enqueue('tx', {}, key)).toMatchObject({ id: kept[1], created: false });
    expect(await site.ask('select from jobledger.inbox where sort <> $1', ['duplicate'])).toEqual(
      [],
    );
  },
);

test('what a savepoint takes back is gone, and the rest of the transaction stays', async () => {
  const ledger = await site.open();
  const client = await site.connect();
  const enqueue = (n: number) =>
    ledger.enqueue('point', { n }, { transaction: client, unique: { key: `${n}` } });
  await client.query('begin');
  const first = await enqueue(1);
  await client.query('savepoint mine');
  const second = await enqueue(2);
  await client.query('rollback to savepoint mine');
  const third = await enqueue(3);
  await client.query('commit');
  await site.move();
  expect(await ledger.get(first.id)).toMatchObject({ version: 1 });
  expect(await ledger.get(second.id)).toBeUndefined();
  expect(await ledger.get(third.id)).toMatchObject({ version: 1 });
  expect(await ledger.enqueue('point', {}, { unique: { key: '2' } })).toMatchObject({
    created: true,
  });
});

test('a busy key costs an error and not the transaction, whose settings stay', async () => {
  const ledger = await site.open();
  const [one, other] = [await site.connect(), await site.connect()];
  const options = { unique: { key: 'contended' } };
  await one.query('begin');
  await ledger.enqueue('tx', {}, { ...options, transaction: one });
  await other.query(`begin; set local lock_timeout = '7s'`);
  const kept = await ledger.enqueue('kept', {}, { transaction: other });
  const refused = ledger.enqueue('tx', {}, { ...options, transaction: other });
  await expect(refused).rejects.toMatchObject({ code: 'UNIQUE_KEY_BUSY' });
  await ledger.enqueue('tx', {}, { unique: { key: 'other' }, transaction: other });
  const shown = await other.query('show lock_timeout');
  expect(shown.rows).toEqual([{ lock_timeout: '7s' }]);
  await other.query('commit');
  expect(await ledger.get(kept.id)).toMatchObject({ state: 'available' });
  await one.query('rollback');
});

test('a duplicate in a transaction is told, and recorded if the transaction commits', async () => {
  const ledger = await site.open();
  const first = await ledger.enqueue('tx', {}, { unique: { key: 'there' } });
  await withClient(ledger, async (enqueue) => {
    const again = await enqueue({ unique: { key: 'there' }, actor: 'web' });
    expect(again).toEqual({ ...first, created: false });
    const reject = enqueue({ unique: { key: 'there', onConflict: 'reject' } });
    await expect(reject).rejects.toMatchObject({ code: 'UNIQUE_KEY_TAKEN', jobId: first.id });
  });
  await site.move();
  expect(await ledger.history(first.id)).toMatchObject([
    { type: 'JobEnqueued' },
    { type: 'JobDeduplicated', data: { times: 2 } },
  ]);
});

test('a chosen id makes one job across transactions, however they race', async () => {
  const ledger = await site.open();
  const id = randomUUID();
  await withClient(ledger, async (enqueue) => {
    expect(await enqueue({ id })).toMatchObject({ id, created: true });
    expect(await enqueue({ id })).toMatchObject({ id, created: false });
  });
  await withClient(ledger, async (enqueue) => {
    expect(await enqueue({ id })).toMatchObject({ id, created: false });
  });
  const [one, other] = [await site.connect(), await site.connect()];
  const raced = randomUUID();
  for (const client of [one, other]) {
    await client.query('begin');
    await ledger.enqueue('tx', {}, { id: raced, transaction: client });
  }
  await Promise.all([one, other].map((client) => client.query('commit')));
  await ledger.enqueue('tx', {}, { id: raced });
  await site.move();
  await site.move();
  const history = await ledger.history(raced);
  expect(history.map((event) => event.type)).toEqual(['JobEnqueued', 'JobDeduplicated']);
  expect(history[1]).toMatchObject({ data: { times: 2 } });
  expect(await site.ask('select from jobledger.inbox')).toEqual([]);
});

test('a key taken for an id that became a job without it is free again', async () => {
  const ledger = await site.open();
  const id = randomUUID();
  await withClient(ledger, async (enqueue) => {
    await enqueue({ id, unique: { key: 'in vain' } });
  });
  await ledger.enqueue('tx', {}, { id });
  await site.move();
  expect(await ledger.enqueue('tx', {}, { unique: { key: 'in vain' } })).toMatchObject({
    created: true,
  });
});

test('a job keeps its time through the inbox, counted from when it was accepted', async () => {
  let shift = 0;
  const ledger = await site.open({ clockShiftMs: () => shift });
  let id = '';
  await withClient(ledger, async (enqueue) => {
    id = (await enqueue({ delay: 60_000 })).id;
  });
  const waiting = await ledger.get(id);
  expect(waiting).toMatchObject({ state: 'scheduled', version: 0 });
  shift = 120_000;
  expect(await ledger.get(id)).toMatchObject({ state: 'available', version: 0 });
  shift = 0;
  await site.move();
  expect(await ledger.get(id)).toMatchObject({
    state: 'scheduled',
    version: 1,
    runAt: (waiting as { runAt: string }).runAt,
  });
});

test('many jobs of one transaction come together or not at all', async () => {
  const ledger = await site.open();
  const client = await site.connect();
  const items = Array.from({ length: 5 }, (_, n) => ({ job: 'set', payload: n }));
  await client.query('begin');
  const gone = await ledger.enqueueMany(items, { transaction: client });
  await client.query('rollback');
  await client.query('begin');
  const there = await ledger.enqueueMany(items, { transaction: client });
  await client.query('commit');
  await site.move();
  expect(await Promise.all(gone.map(({ id }) => ledger.get(id)))).toEqual(Array(5).fill(undefined));
  const found = await Promise.all(there.map(({ id }) => ledger.get(id)));
  expect(found.map((job) => job!.payload)).toEqual([0, 1, 2, 3, 4]);
});

test('a command for a job in the inbox moves it into the ledger first', async () => {
  const ledger = await site.open();
  let id = '';
  await withClient(ledger, async (enqueue) => {
    id = (await enqueue({ unique: { key: 'commanded' } })).id;
  });
  expect(await ledger.cancel(id, by)).toMatchObject({ state: 'canceled', version: 2 });
  expect((await ledger.history(id)).map((event) => event.type)).toEqual([
    'JobEnqueued',
    'JobCanceled',
  ]);
  expect(await ledger.enqueue('tx', {}, { unique: { key: 'commanded' } })).toMatchObject({
    created: true,
  });
});

test('what has no transaction is refused', async () => {
  const ledger = await site.open();
  const pool = new pg.Pool({ connectionString: site.database.url });
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  onTestFinished(() => db.destroy());
  for (const transaction of [pool, db, 'begin', 5]) {
    await expect(ledger.enqueue('tx', {}, { transaction })).rejects.toMatchObject({
      code: 'BAD_INPUT',
      message: expect.stringMatching(/^transaction: expected a connected pg client or a Kysely/),
    });
  }
  const idle = { transaction: await site.connect(), unique: { key: 'idle' } };
  await expect(ledger.enqueue('tx', {}, idle)).rejects.toThrow(
    'transaction: expected a client with an open transaction',
  );
});
