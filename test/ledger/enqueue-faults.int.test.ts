import { randomUUID } from 'node:crypto';
import { expect, test } from 'vitest';
import type { EnqueueItem, Ledger } from 'jobledger';
import { ledgerSite } from '../support/ledger.js';
import { startProxy } from '../support/proxy.js';

const site = await ledgerSite();

const jobsOf = async (kind: string): Promise<string[]> =>
  (
    await site.ask<{ id: string }>(
      `select stream_id as id from jobledger.events where kind = $1 and version = 1 order by 1`,
      [kind],
    )
  ).map(({ id }) => id);

const lockSpace = (ledger: Ledger): number =>
  Buffer.from(ledger.ledgerId.slice(0, 8), 'hex').readInt32BE();

/** The ways to enqueue, each with what it makes of a marker. */
const WAYS: readonly (readonly [string, (ledger: Ledger, kind: string) => Promise<string[]>])[] = [
  ['plain', async (ledger, kind) => [(await ledger.enqueue(kind, { mark: kind })).id]],
  [
    'with a chosen id',
    async (ledger, kind) => [(await ledger.enqueue(kind, { mark: kind }, { id: randomUUID() })).id],
  ],
  [
    'with a unique key',
    async (ledger, kind) => [
      (await ledger.enqueue(kind, { mark: kind }, { unique: { key: 'k' } })).id,
    ],
  ],
  ['many', (ledger, kind) => ids(ledger.enqueueMany(items(kind)))],
  ['many and atomic', (ledger, kind) => ids(ledger.enqueueMany(items(kind), { atomic: true }))],
  [
    'atomic with unique keys',
    (ledger, kind) => {
      const keyed = items(kind).map((item, n) => ({ ...item, unique: { key: `k${n}` } }));
      return ids(ledger.enqueueMany(keyed, { atomic: true }));
    },
  ],
];

const items = (kind: string): EnqueueItem[] =>
  [1, 2, 3].map((n) => ({ job: kind, payload: { mark: kind, n } }));

const ids = async (answers: Promise<readonly { id: string }[]>): Promise<string[]> =>
  (await answers).map(({ id }) => id);

test.each(WAYS)('a lost acknowledgement of a commit makes no second job: %s', async (way, call) => {
  const proxy = await startProxy(site.database.url);
  const ledger = await site.open({ database: proxy.url });
  const kind = `lost ${way}`;
  const cut = proxy.cutCommitAfter(kind);
  const given = await call(ledger, kind);
  await cut;
  await site.move();
  expect(await jobsOf(kind)).toEqual(given.sort());
  expect((await ledger.verify()).differences).toEqual([]);
});

test('the answer after a lost acknowledgement says that the job was created', async () => {
  const proxy = await startProxy(site.database.url);
  const ledger = await site.open({ database: proxy.url });
  for (const options of [{}, { unique: { key: 'told' } }]) {
    const cut = proxy.cutCommitAfter('told');
    const answer = await ledger.enqueue('told', {}, { ...options, delay: 60_000 });
    await cut;
    expect(answer).toMatchObject({ created: true, state: 'scheduled' });
    expect((await ledger.get(answer.shortId!))!.id).toBe(answer.id);
  }
});

test('connections ended in the middle of many enqueues lose and double nothing', async () => {
  const ledger = await site.open();
  const own = `select pg_terminate_backend(pid) from pg_stat_activity
    where application_name = 'jobledger' and datname = current_database() and pid <> pg_backend_pid()`;
  const made: string[] = [];
  const ended: unknown[] = [];
  await Promise.all(
    Array.from({ length: 40 }, async (_, lane) => {
      for (let n = 0; n < 25; n++) {
        made.push((await ledger.enqueue('cut', { lane, n })).id);
        if (made.length % 100 === 0) ended.push(...(await site.ask(own)));
      }
    }),
  );
  expect(ended.length).toBeGreaterThan(5);
  expect(await jobsOf('cut')).toEqual(made.sort());
});

test('an enqueue waits while the store is away, and says so in the end with the id', async () => {
  const proxy = await startProxy(site.database.url);
  const ledger = await site.open({ database: proxy.url });
  proxy.shut();
  const waiting = ledger.enqueue('away', 1);
  const other = await site.open({ database: site.database.url });
  await other.enqueue('near', 1);
  proxy.open();
  expect(await waiting).toMatchObject({ created: true });
  const hasty = await site.open({ database: proxy.url, enqueueTimeoutMs: 100 });
  proxy.shut();
  for (const unique of [undefined, { key: 'k' }]) {
    const id = randomUUID();
    const refused = hasty.enqueue('away', 2, { id, ...(unique && { unique }) });
    await expect(refused).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      jobId: id,
      message: expect.stringMatching(/^enqueue: database: cannot be reached: .*job id/),
    });
  }
  expect(await jobsOf('away')).toHaveLength(1);
});

test('a pool that is used up makes enqueues wait, not fail', async () => {
  const ledger = await site.open({ maxConnections: 2 });
  const keyed = Array.from({ length: 200 }, (_, n) =>
    ledger.enqueue('pool', n, { unique: { key: `${n}` } }),
  );
  const plain = Array.from({ length: 200 }, (_, n) => ledger.enqueue('pool', n));
  const atomic = Array.from({ length: 10 }, (_, n) =>
    ledger.enqueueMany([{ job: 'pool', payload: n, unique: { key: `a${n}` } }], { atomic: true }),
  );
  await Promise.all([...keyed, ...plain, ...atomic]);
  await site.move();
  expect(await jobsOf('pool')).toHaveLength(410);
});

test('one row that Postgres refuses fails alone, and its batch goes in', async () => {
  await site.ask(`create function refuse_poison() returns trigger language plpgsql as
    $$ begin if new.data->'payload' ? 'poison' then
      raise exception 'no poison' using errcode = 'check_violation'; end if; return new; end $$`);
  await site.ask(`create trigger poison before insert on jobledger.events
    for each row execute function refuse_poison()`);
  const ledger = await site.open();
  const calls = Array.from({ length: 60 }, (_, n) =>
    ledger.enqueue('mixed', n === 13 || n === 40 ? { poison: n } : { n }),
  );
  const settled = await Promise.allSettled(calls);
  const failed = settled.flatMap((one, n) => (one.status === 'rejected' ? [n] : []));
  expect(failed).toEqual([13, 40]);
  const refused = { code: 'UNSTORABLE', message: expect.stringContaining('no poison') };
  await expect(calls[13]).rejects.toMatchObject(refused);
  await expect(
    ledger.enqueue('mixed', { poison: 1 }, { unique: { key: 'p' } }),
  ).rejects.toMatchObject(refused);
  const set = [1, { poison: 1 }].map((payload) => ({ job: 'mixed', payload }));
  await expect(ledger.enqueueMany(set, { atomic: true })).rejects.toMatchObject(refused);
  expect(await jobsOf('mixed')).toHaveLength(58);
  expect((await ledger.enqueue('mixed', 1, { unique: { key: 'p' } })).created).toBe(true);
  await site.ask('drop trigger poison on jobledger.events');
});

test('a stray dispatch row in the way of an id is an error of that job alone', async () => {
  const ledger = await site.open();
  const id = randomUUID();
  await site.ask(
    `insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version, partition,
      priority, queue, kind) values ($1, 1, 0, 0, 5, 1, 0, 0, 'default', 'stray')`,
    [id],
  );
  const [stray, other] = await Promise.allSettled([
    ledger.enqueue('beside', 1, { id }),
    ledger.enqueue('beside', 2, { id: `${id.slice(0, -3)}0${id.slice(-2)}` }),
  ]);
  expect(stray).toMatchObject({ status: 'rejected', reason: { code: 'UNSTORABLE', jobId: id } });
  expect(other.status === 'fulfilled' || id[33] === '0').toBe(true);
  await site.ask(`delete from jobledger.ready where job_id = $1`, [id]);
});

test('a partition that a stranger keeps locked delays only the jobs whose id names it', async () => {
  const ledger = await site.open({ partitions: 16 });
  const stranger = await site.connect();
  await stranger.query('begin');
  await stranger.query('select pg_advisory_xact_lock($1, 5)', [lockSpace(ledger)]);
  const inFive = `${randomUUID().slice(0, -2)}05`;
  let stuck = true;
  const pinned = ledger.enqueue('locked', 'pinned', { id: inFive }).finally(() => (stuck = false));
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ledger.enqueue('locked', 'free')),
  );
  const keyed = await ledger.enqueue('locked', 'keyed', { unique: { key: 'free' } });
  expect(stuck).toBe(true);
  const partitions = [...answers, keyed].map((one) => one.shortId!.split('/')[0]);
  expect(partitions).not.toContain('5');
  await stranger.query('rollback');
  expect(await pinned).toMatchObject({ id: inFive, created: true });
});
