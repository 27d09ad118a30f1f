import pg from 'pg';
import { expect, test } from 'vitest';
import { begin, createDatabase, endDatabase, sessionConfig } from '../../src/database.js';
import { eventually } from '../support/eventually.js';
import { startProxy } from '../support/proxy.js';
import type { Transition } from '../../src/index.js';
import { inState, job, openSite, QUICK, signal, types, type Site } from './site.js';

/** Sessions that hold the lock of any partition. */
async function holders(site: Site): Promise<number[]> {
  const rows = await site.sql<{ pid: number }>(
    `select pid from pg_locks where locktype = 'advisory' and granted and objsubid = 2
      and database = (select oid from pg_database where datname = current_database())`,
  );
  return rows.map(({ pid }) => pid);
}

async function lockSpace(site: Site): Promise<number> {
  const [row] = await site.sql<{ space: number }>(
    `select ('x' || left(id::text, 8))::bit(32)::int as space from jobledger.ledger`,
  );
  return row!.space;
}

test('a client that stops reading in the middle of a claim keeps no partition from others', async () => {
  const site = await openSite({ partitions: 1 });
  const proxy = await startProxy(site.url);
  const large = job('large', () => null);
  const many = Array.from({ length: 24 }, () => ({ job: large, payload: 'x'.repeat(700_000) }));
  await site.ledger.enqueueMany(many);
  const deaf = proxy.stopReadingAfter('jl_claim_0');
  const away = await site.open({ database: proxy.url });
  // So long a lease that nobody mends this by declaring the worker dead.
  const options = { jobs: [large], concurrency: 24, leaseMs: 60_000, heartbeatMs: 10_000 };
  await site.start(options, away);
  const resume = await deaf;
  // The server is stuck with payloads that nobody takes from it.
  await eventually(async () =>
    expect(
      await site.sql(`select from pg_stat_activity where wait_event = 'ClientWrite'
        and datname = current_database()`),
    ).toHaveLength(1),
  );
  expect(await holders(site)).toEqual([]);
  const { id } = await site.ledger.enqueue('other', {});
  expect(await types(site.ledger, id)).toEqual(['JobEnqueued']);
  resume();
  await eventually(async () => expect(await site.ledger.list({ kind: 'large' })).toHaveLength(24));
  for (const { id: one } of await site.ledger.list({ kind: 'large' }))
    expect(await inState(site.ledger, one, 'succeeded')).toMatchObject({ attempt: 1 });
});

test('a client of ours that stops sending under the lock loses its session, and nobody the partition', async () => {
  const site = await openSite({ partitions: 1 });
  const config = { connectionString: site.url };
  const stuck = new pg.Client(sessionConfig(config, false));
  const ended = new Promise((resolve) => stuck.once('end', resolve));
  stuck.on('error', () => undefined);
  await stuck.connect();
  const database = createDatabase(config, { pooler: false, maxConnections: 4 });
  await stuck.query(begin(database));
  await stuck.query('select pg_advisory_xact_lock($1::int, 0)', [await lockSpace(site)]);
  expect(await holders(site)).toHaveLength(1);
  const since = performance.now();
  await site.ledger.enqueue('other', {});
  // Its two seconds, and room for a busy machine; the enqueue has waited for the lock alone.
  expect(performance.now() - since).toBeLessThan(5_000);
  await ended;
  expect(await holders(site)).toEqual([]);
  await endDatabase(database);
});

test('a session of strangers that keeps a partition locked is ended after five seconds', async () => {
  const site = await openSite({ partitions: 1 });
  const { id } = await site.ledger.enqueue('other', {});
  const stranger = new pg.Client({ connectionString: site.url, application_name: 'the test' });
  stranger.on('error', () => undefined);
  const ended = new Promise((resolve) => stranger.once('end', resolve));
  await stranger.connect();
  await stranger.query('begin');
  await stranger.query('select pg_advisory_xact_lock($1::int, 0)', [await lockSpace(site)]);
  const canceled = await site.ledger.cancel(id, { actor: 'ada', reason: 'test' });
  expect(canceled.state).toBe('canceled');
  await ended;
  expect(site.logged).toContainEqual(expect.objectContaining({ code: 'LOCK_HOLDER' }));
}, 30_000);

test('an outcome that is acknowledged only after its lease is over counts once, and is told once', async () => {
  const site = await openSite();
  const proxy = await startProxy(site.url);
  const told: Transition[] = [];
  let runs = 0;
  const runnable = job('late', () => void runs++);
  const away = await site.open({ database: proxy.url });
  await site.start({ jobs: [runnable], onTransition: (one) => void told.push(one) }, away);
  // It reaps, and looks at no line of the other's: who found the partition locked would ask again, unheard.
  await site.start({ jobs: [job('nothing', () => null)], queues: ['elsewhere'] });
  // In what is sent, the mark of an outcome; the statement's name alone is also in a warm-up.
  const deaf = proxy.stopReadingAfter('durationMs');
  const { id } = await site.ledger.enqueue(runnable, {});
  const resume = await deaf;
  await inState(site.ledger, id, 'succeeded');
  const until = performance.now() + 2 * QUICK.leaseMs;
  await eventually(() => performance.now() >= until);
  resume();
  await eventually(() => told.length >= 2);
  expect(told.map(({ to }) => to)).toEqual(['running', 'succeeded']);
  expect(await types(site.ledger, id)).toEqual([
    ...['JobEnqueued', 'AttemptStarted', 'AttemptSucceeded'],
  ]);
  expect(runs).toBe(1);
});

test('every append brings the version in the dispatch row along, wherever the job stands', async () => {
  const site = await openSite({ partitions: 1 });
  const { ledger } = site;
  const by = { actor: 'ada', reason: 'test' };
  const go = signal();
  const began = signal();
  const line = job('line', () => null);
  const running = job('running', async (_: never, { progress }) => {
    progress(0.5);
    began.resolve();
    await go.promise;
  });
  const unique = (key: string) => ({ unique: { key } });
  const waits = await ledger.enqueue(line, 0, unique('waits'));
  const later = await ledger.enqueue(line, 0, { ...unique('later'), delay: 60_000 });
  const lease = await ledger.enqueue(running, 0, unique('lease'));
  await site.start({ jobs: [running] });
  await began.promise;
  await ledger.reprioritize(waits.id, { ...by, priority: -1 });
  await ledger.reprioritize(later.id, { ...by, priority: -1 });
  await ledger.reschedule(later.id, { ...by, runAt: new Date(Date.now() + 30_000) });
  await ledger.enqueue(line, 0, unique('waits'));
  await ledger.enqueue(line, 0, unique('later'));
  await ledger.enqueue(running, 0, unique('lease'));
  const versions = () =>
    site.sql(`select job_id, version, (select max(version) from jobledger.events where stream_id = job_id) as latest
      from (select job_id, version from jobledger.ready union all
        select job_id, version from jobledger.scheduled union all
        select job_id, version from jobledger.leases) row order by job_id`);
  const row = ({ id }: { id: string }, version: number) => ({
    job_id: id,
    version,
    latest: version,
  });
  // Enqueued and moved; enqueued, moved twice; enqueued, started, progressed: and each asked for again.
  await eventually(async () =>
    expect(await versions()).toEqual([row(waits, 3), row(later, 4), row(lease, 4)].sort(byId)),
  );
  await site.start({ jobs: [line] });
  await inState(ledger, waits.id, 'succeeded');
  await ledger.reschedule(later.id, { ...by, runAt: new Date() });
  await inState(ledger, later.id, 'succeeded');
  go.resolve();
  await inState(ledger, lease.id, 'succeeded');
});

function byId(one: { job_id: string }, other: { job_id: string }): number {
  return one.job_id < other.job_id ? -1 : 1;
}
