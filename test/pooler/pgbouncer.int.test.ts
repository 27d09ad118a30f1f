import pg from 'pg';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { migrateDatabase, openLedger, type Ledger } from '../../src/index.js';
import { createDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { findPgbouncer, startPgbouncer, type Bouncer } from '../support/pgbouncer.js';
import {
  aborted,
  ask,
  inState,
  job,
  openSite,
  QUICK,
  signal,
  types,
  type Site,
} from '../worker/site.js';

const by = { actor: 'ada', reason: 'test' };
/** Fewer than one ledger has connections. */
const SESSIONS = 3;

interface Pooled extends Site {
  readonly bouncer: Bouncer;
  /** A ledger by way of the pooler. */
  readonly pooled: Ledger;
}

async function openPooled(context: TestContext): Promise<Pooled> {
  const path = await findPgbouncer();
  if (path === undefined) {
    const why = 'no pgbouncer here, and none could be installed: NOT TESTED behind a pooler';
    process.stderr.write(`${why}\n`);
    context.skip(why);
  }
  const site = await openSite();
  const bouncer = await startPgbouncer(path!, site.url, SESSIONS);
  const pooled = await site.open({ database: bouncer.url, pooler: true });
  return { ...site, bouncer, pooled };
}

test('jobs of every sort are enqueued and run behind a real pooler', async (context) => {
  const { pooled, start, open, bouncer, sql } = await openPooled(context);
  const quick = job('quick', () => null);
  const later = job('later', (_, { attempt, snooze }) => (attempt === 1 ? snooze(1) : undefined));
  const flaky = job('flaky', (_, { attempt, progress }) => {
    progress(0.5, 'half');
    if (attempt === 1) throw new Error('not yet');
  });
  const parent = job('parent', (_, { ledger }) => ledger.enqueue(quick, {}));
  const jobs = [quick, later, flaky, parent];
  await start({ jobs }, pooled);
  await start({ jobs }, await open({ database: bouncer.url, pooler: true }));
  const made = await Promise.all([
    ...Array.from({ length: 300 }, (_, n) => pooled.enqueue(quick, n)),
    ...[later, flaky, parent].map((one) => pooled.enqueue(one, 1)),
    pooled.enqueue(quick, 2, { delay: 200, unique: { key: 'waits' } }),
  ]);
  const items = Array.from({ length: 30 }, (_, payload) => ({ job: quick, payload }));
  made.push(...(await pooled.enqueueMany(items)));
  made.push(...(await pooled.enqueueMany(items, { atomic: true })));
  const keyed = items.map((item, n) => ({ ...item, unique: { key: `k${n}` } }));
  made.push(...(await pooled.enqueueMany(keyed, { atomic: true })));
  for (const { id } of made) await inState(pooled, id, 'succeeded');
  const { states } = await pooled.stats();
  // And the parent's child.
  await eventually(async () => (await pooled.stats()).states.succeeded === made.length + 1);
  expect(states.failed).toBe(0);
  expect(await pooled.verify({ deep: true })).toMatchObject({ verified: true });
  expect(await sql('select from jobledger.workers where dead_at is not null')).toEqual([]);
}, 90_000);

test('a key has one job behind a real pooler, whoever asks at once', async (context) => {
  const { pooled, open, bouncer } = await openPooled(context);
  const others = await Promise.all(
    Array.from({ length: 3 }, () => open({ database: bouncer.url, pooler: true })),
  );
  const unique = { key: 'one' };
  const made = await Promise.all(
    Array.from({ length: 24 }, (_, n) =>
      [pooled, ...others][n % 4]!.enqueue('keyed', n, { unique, delay: 60_000 }),
    ),
  );
  expect(new Set(made.map(({ id }) => id)).size).toBe(1);
  expect(made.filter(({ created }) => created)).toHaveLength(1);
  const [{ id }] = made as [(typeof made)[0]];
  await pooled.cancel(id, by);
  expect(await pooled.enqueue('keyed', 1, { unique, delay: 60_000 })).toMatchObject({
    created: true,
  });
});

test('a job of a caller’s transaction behind a real pooler exists exactly if it commits', async (context) => {
  const { pooled, start, bouncer } = await openPooled(context);
  const quick = job('in.transaction', () => null);
  await start({ jobs: [quick] }, pooled);
  const client = new pg.Client(bouncer.url);
  await client.connect();
  onTestFinished(() => client.end());
  const inTransaction = async (end: 'commit' | 'rollback') => {
    await client.query('begin');
    const options = { transaction: client, unique: { key: end } };
    const { id } = await pooled.enqueue(quick, end, options);
    await client.query(end);
    return id;
  };
  const [kept, gone] = [await inTransaction('commit'), await inTransaction('rollback')];
  await inState(pooled, kept, 'succeeded');
  expect(await pooled.get(gone)).toBeUndefined();
});

test('operators’ commands reach waiting and running jobs behind a real pooler', async (context) => {
  const { pooled, start } = await openPooled(context);
  const began = signal();
  const stubborn = job('stubborn', async (_, handler) => {
    began.resolve();
    await aborted(handler);
    throw new Error('stopped');
  });
  const fails = job('fails', (_, { attempt }) => {
    if (attempt === 1) throw new Error('no');
  });
  const waits = job('waits', () => null);
  await start({ jobs: [stubborn, fails, waits] }, pooled);
  const running = await pooled.enqueue(stubborn, 1);
  await began.promise;
  await pooled.cancel(running.id, by);
  await inState(pooled, running.id, 'canceled');

  const failed = await pooled.enqueue(fails, 1, { maxAttempts: 1 });
  await inState(pooled, failed.id, 'failed');
  await pooled.retry(failed.id, { ...by, extraAttempts: 2 });
  await inState(pooled, failed.id, 'succeeded');
  expect(await types(pooled, failed.id)).toContain('JobRetried');

  const delay = 3_600_000;
  const [moved, dropped] = [
    await pooled.enqueue(waits, 1, { delay }),
    await pooled.enqueue(waits, 2, { delay }),
  ];
  await pooled.reprioritize(moved.id, { ...by, priority: -3 });
  await pooled.reschedule(moved.id, { ...by, runAt: new Date() });
  expect(await inState(pooled, moved.id, 'succeeded')).toMatchObject({ priority: -3 });
  await pooled.discard(dropped.id, by);
  expect(await pooled.list({ state: 'discarded' })).toMatchObject([{ id: dropped.id }]);
});

test('a pooler that is killed, and sessions that are ended behind it, lose and double nothing', async (context) => {
  const { pooled, start, open, bouncer, sql } = await openPooled(context);
  const runnable = job('brief', () => new Promise((resolve) => setImmediate(resolve)));
  const worker = { jobs: [runnable], leaseMs: 10_000 };
  await start(worker, pooled);
  await start(worker, await open({ database: bouncer.url, pooler: true }));
  const items = Array.from({ length: 3_000 }, (_, payload) => ({ job: runnable, payload }));
  const made = await pooled.enqueueMany(items);
  const endSessions = `select pg_terminate_backend(pid) from pg_stat_activity
    where datname = current_database() and application_name = 'jobledger'`;
  const done = async () => (await sql<{ n: number }>(SUCCEEDED))[0]!.n;
  for (let n = 1; n <= 3; n++) {
    await eventually(async () => (await done()) >= n * 500, { timeoutMs: 30_000 });
    if (n === 2) await bouncer.restart();
    else await sql(endSessions);
  }
  await eventually(async () => (await done()) === made.length, { timeoutMs: 30_000 });
  const ended = `select type from jobledger.events where type in ('AttemptLost', 'OutcomeRejected')`;
  expect(await sql(ended)).toEqual([]);
}, 120_000);

const SUCCEEDED = `select count(*)::int as n from jobledger.events where type = 'AttemptSucceeded'`;

test('nothing of ours stays in a session that the pooler hands to others', async (context) => {
  const { pooled, start, bouncer } = await openPooled(context);
  const quick = job('quick', () => null);
  await start({ jobs: [quick], ...QUICK }, pooled);
  for (let n = 0; n < 20; n++) {
    const { id } = await pooled.enqueue(quick, n);
    await inState(pooled, id, 'succeeded');
  }
  const clients = Array.from({ length: SESSIONS }, () => new pg.Client(bouncer.url));
  for (const client of clients) {
    await client.connect();
    onTestFinished(() => client.end());
    // So that each sees another session.
    await client.query('begin');
  }
  const left = await Promise.all(clients.map((client) => client.query(LEFT)));
  for (const { rows } of left) expect(rows).toEqual([CLEAN]);
});

const LEFT = `select current_setting('lock_timeout') as lock_timeout,
  current_setting('enable_seqscan') as enable_seqscan,
  current_setting('plan_cache_mode') as plan_cache_mode,
  (select count(*)::int from pg_prepared_statements where name <> '') as prepared,
  (select count(*)::int from pg_listening_channels()) as listening,
  (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks`;
const CLEAN = {
  ...{ lock_timeout: '0', enable_seqscan: 'on', plan_cache_mode: 'auto' },
  ...{ prepared: 0, listening: 0, locks: 0 },
};

test('a database is migrated by way of a real pooler, by many at once', async (context) => {
  const path = await findPgbouncer();
  context.skip(path === undefined, 'no pgbouncer here, and none could be installed');
  const database = await createDatabase({ empty: true });
  onTestFinished(() => database.drop());
  const { url } = await startPgbouncer(path!, database.url, SESSIONS);
  const options = { database: url, pooler: true, partitions: 4 };
  const steps = await Promise.all(Array.from({ length: 4 }, () => migrateDatabase(options)));
  expect(steps.filter((one) => one.length > 0)).toHaveLength(1);
  // A lock that stayed with a session of the pooler would keep the next who migrate for an hour.
  const held = `select from pg_locks where locktype = 'advisory'
    and database = (select oid from pg_database where datname = current_database())`;
  expect(await ask(database.url, held)).toEqual([]);
  const ledger = await openLedger({ ...options, logger: false });
  onTestFinished(() => ledger.close());
  await ledger.enqueue('made', 1);
  expect(await ledger.verify()).toMatchObject({ verified: true, jobs: 1 });
});
