import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startChild } from '../support/processes.js';
import { startProxy } from '../support/proxy.js';
import { startPostgres } from '../support/throwaway.js';
import type { Transition } from '../../src/index.js';
import { inState, job, lastEvent, openSite, QUICK, signal, types, type Site } from './site.js';

/** Passes when so much time has gone: the length of an outage is what is tested. */
async function lasts(ms: number): Promise<void> {
  const end = performance.now() + ms;
  await eventually(() => performance.now() >= end, { timeoutMs: ms + 10_000 });
}

/** Every session of ours stands still; gives the way back. */
async function hang({ sql }: Site): Promise<() => void> {
  const sessions = await sql<{ pid: number }>(
    `select pid from pg_stat_activity where application_name = 'jobledger'`,
  );
  const all = (name: NodeJS.Signals) => {
    for (const { pid } of sessions) process.kill(pid, name);
  };
  all('SIGSTOP');
  return () => all('SIGCONT');
}

test('a claim whose reply is lost is given back by the heartbeat, and not counted', async () => {
  const site = await openSite();
  const proxy = await startProxy(site.url);
  const runnable = job('claimed', () => null);
  await site.start({ jobs: [runnable] }, await site.open({ database: proxy.url }));
  const cut = proxy.cutCommitAfter('jl_claim_');
  const { id } = await site.ledger.enqueue(runnable, {});
  await cut;
  expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ attempt: 2, counted: 1 });
  expect(await types(site.ledger, id)).toEqual([
    ...['JobEnqueued', 'AttemptStarted', 'AttemptReleased', 'AttemptStarted', 'AttemptSucceeded'],
  ]);
  expect((await lastEvent(site.ledger, id, 'AttemptReleased')).data.why).toBe('claim-lost');
});

test.each([
  ['success', 1, 'AttemptSucceeded', 'succeeded', 'jl_succeed_'],
  ['failure', 0, 'AttemptFailed', 'failed', 'jl_finish_'],
] as const)(
  'a %s whose acknowledgement is lost counts once, is told once, and is not rejected',
  async (...row) => {
    const [name, payload, type, state, statement] = row;
    const site = await openSite();
    const proxy = await startProxy(site.url);
    const told: Transition[] = [];
    const runnable = job(name, (ok: number) => {
      if (ok === 0) throw new Error('no');
    });
    const onTransition = (one: Transition) => void told.push(one);
    await site.start({ jobs: [runnable], onTransition }, await site.open({ database: proxy.url }));
    const cut = proxy.cutCommitAfter(statement);
    const { id } = await site.ledger.enqueue(runnable, payload, { maxAttempts: 1 });
    await cut;
    await inState(site.ledger, id, state);
    await eventually(() => told.length === 2);
    expect(told[1]).toMatchObject({ from: 'running', to: state });
    expect(await types(site.ledger, id)).toEqual(['JobEnqueued', 'AttemptStarted', type]);
  },
);

test('an outcome that the driver waits for no longer counts once, and is not rejected', async () => {
  const site = await openSite();
  const proxy = await startProxy(site.url);
  const runnable = job('waited for', () => null);
  const database = { connectionString: proxy.url, query_timeout: 1_000 };
  await site.start({ jobs: [runnable] }, await site.open({ database }));
  const deaf = proxy.stopReadingAfter('durationMs');
  const { id } = await site.ledger.enqueue(runnable, {});
  await deaf;
  await inState(site.ledger, id, 'succeeded');
  const answered = () => site.logged.some(({ message }) => message === 'attempt succeeded');
  await eventually(answered);
  expect(await types(site.ledger, id)).toEqual([
    ...['JobEnqueued', 'AttemptStarted', 'AttemptSucceeded'],
  ]);
});

test('under connections that keep being cut every job has one outcome, and no attempt is lost', async () => {
  const site = await openSite();
  let runs = 0;
  const runnable = job('cut', async () => {
    runs++;
    await new Promise((resolve) => setImmediate(resolve));
  });
  const [here, there] = [await site.open(), await site.open()];
  await site.start({ jobs: [runnable], leaseMs: 5_000 }, here);
  await site.start({ jobs: [runnable], leaseMs: 5_000 }, there);
  const made = await site.ledger.enqueueMany(
    Array.from({ length: 6_000 }, (_, payload) => ({ job: runnable, payload })),
  );
  const ended = `select count(*)::int as n from jobledger.events where type = 'AttemptSucceeded'`;
  let cuts = 0;
  await eventually(
    async () => {
      const [cut] = await site.sql<{ n: number }>(
        `select count(pg_terminate_backend(pid))::int as n from pg_stat_activity
          where datname = current_database() and application_name = 'jobledger'`,
      );
      cuts += cuts < 200 ? cut!.n : 0;
      return (await site.sql<{ n: number }>(ended))[0]!.n === made.length || cuts >= 200;
    },
    { everyMs: 20, timeoutMs: 20_000 },
  );
  await eventually(async () => (await site.sql<{ n: number }>(ended))[0]!.n === made.length, {
    ...{ everyMs: 100, timeoutMs: 25_000 },
  });
  expect(cuts).toBeGreaterThan(20);
  expect(runs).toBeGreaterThanOrEqual(made.length);
  const bad = await site.sql(
    `select type, data from jobledger.events where type in ('AttemptLost', 'OutcomeRejected', 'AttemptFailed')`,
  );
  expect(bad).toEqual([]);
}, 60_000);

test('with Postgres killed and away for four leases, what ended meanwhile is recorded under its attempt', async () => {
  const server = await startPostgres();
  const site = await openSite({ url: server.url });
  const go = signal();
  let began = 0;
  let ended = 0;
  const runnable = job('meanwhile', async (n: number) => {
    began++;
    await go.promise;
    ended++;
    if (n === 3) throw new Error('no');
    return n;
  });
  const items = Array.from({ length: 20 }, (_, payload) => ({
    job: runnable,
    payload,
    maxAttempts: 1,
  }));
  const made = await site.ledger.enqueueMany(items);
  await site.start({ jobs: [runnable], concurrency: 20 });
  await eventually(() => began === 20);
  await server.kill();
  go.resolve();
  await lasts(4 * QUICK.leaseMs);
  expect(ended).toBe(20);
  await server.start();
  for (const [n, { id }] of made.entries()) {
    const done = await inState(site.ledger, id, n === 3 ? 'failed' : 'succeeded');
    expect(done).toMatchObject({ attempt: 1, version: 3 });
  }
  expect(began).toBe(20);
}, 60_000);

test('a Postgres that hangs for three leases expires nobody', async () => {
  const server = await startPostgres();
  const site = await openSite({ url: server.url });
  const go = signal();
  const began = signal();
  const runnable = job('hung', async () => {
    began.resolve();
    await go.promise;
  });
  await site.start({ jobs: [runnable] });
  await site.start({ jobs: [job('other', () => null)] }, await site.open());
  const { id } = await site.ledger.enqueue(runnable, {});
  await began.promise;
  const goOn = await hang(site);
  await lasts(3 * QUICK.leaseMs);
  goOn();
  await lasts(QUICK.leaseMs);
  go.resolve();
  expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ attempt: 1, version: 3 });
  expect(await site.sql('select from jobledger.workers where dead_at is not null')).toEqual([]);
}, 60_000);

test.each(['is killed', 'hangs'])(
  'SIGTERM while Postgres %s ends the process within its grace',
  async (how) => {
    const server = await startPostgres();
    const site = await openSite({ url: server.url });
    const options = {
      url: server.url,
      kinds: ['hold'],
      worker: { ...QUICK, shutdownGraceMs: 1_000 },
    };
    const child = startChild('worker.mjs', { args: [JSON.stringify(options)] });
    await child.waitForLine(/^ready/);
    const { id } = await site.ledger.enqueue('hold', {});
    await child.waitForLine(`began ${id} 1`);
    const goOn = how === 'hangs' ? await hang(site) : undefined;
    if (goOn === undefined) await server.kill();
    const since = performance.now();
    child.signal('SIGTERM');
    await child.waitForLine('closed');
    await child.exit;
    // Its grace, a few seconds for outcomes on their way, and room for a busy machine.
    expect(performance.now() - since).toBeLessThan(12_000);
    goOn?.();
    await server.start();
  },
  60_000,
);

test('a full pool only makes jobs slower', async () => {
  const site = await openSite();
  const narrow = await site.open({ maxConnections: 2 });
  const follow = job('follow', () => null);
  const runnable = job(
    'many',
    async (_: never, { ledger }: { ledger: { enqueue: (...args: never[]) => unknown } }) => {
      await ledger.enqueue(...([follow, {}] as never[]));
    },
  );
  await site.start({ jobs: [runnable, follow], concurrency: 50 }, narrow);
  await Promise.all(Array.from({ length: 200 }, () => narrow.enqueue(runnable, {})));
  const ended = `select count(*)::int as n from jobledger.events where type = 'AttemptSucceeded'`;
  await eventually(async () => (await site.sql<{ n: number }>(ended))[0]!.n === 400, {
    ...{ everyMs: 100, timeoutMs: 20_000 },
  });
});
