import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startChild, type TestProcess } from '../support/processes.js';
import { inState, job, lastEvent, openSite, QUICK, types, type Site } from './site.js';
import type { WorkerOptions } from '../../src/index.js';

/** Starts a worker process for these kinds and waits until it works. */
async function startWorker(
  site: Site,
  kinds: readonly string[],
  worker: Partial<WorkerOptions> = QUICK,
): Promise<TestProcess & { readonly id: number }> {
  const options = JSON.stringify({ url: site.url, kinds, worker });
  const child = startChild('worker.mjs', { args: [options] });
  const ready = await child.waitForLine(/^ready \d+$/);
  return Object.assign(child, { id: Number(ready.split(' ')[1]) });
}

/** A worker of this process that does the common work and no jobs of the test. */
function startLeader(site: Site) {
  return site.start({ jobs: [job('nothing', () => null)] });
}

async function count(site: Site, type: string): Promise<number> {
  const [row] = await site.sql<{ n: number }>(
    'select count(*)::int as n from jobledger.events where type = $1',
    [type],
  );
  return row!.n;
}

test('the attempt of a killed worker is lost, and tried again by another', async () => {
  const site = await openSite();
  await startLeader(site);
  const first = await startWorker(site, ['wait']);
  const { id } = await site.ledger.enqueue('wait', {});
  await first.waitForLine(`began ${id} 1`);
  await first.kill();
  const second = await startWorker(site, ['wait']);
  await eventually(async () => (await types(site.ledger, id)).includes('AttemptLost'));
  const { data } = await lastEvent(site.ledger, id, 'AttemptLost');
  expect(data).toMatchObject({
    ...{ attempt: 1, worker: first.id, decision: { action: 'retry', reason: 'lost' } },
    error: { name: 'WorkerLost', message: expect.stringContaining(`worker ${first.id}`) },
  });
  expect(await site.ledger.workerInfo(first.id)).toMatchObject({ endReason: 'no heartbeat' });
  await second.waitForLine(`began ${id} 2`);
  second.stdin.write('go\n');
  expect((await inState(site.ledger, id, 'succeeded')).result).toBe(second.pid);
  expect(site.logged).toContainEqual(
    expect.objectContaining({ level: 'warn', code: 'WORKER_DEAD', attempts: 1 }),
  );
  expect(site.logged.filter(({ jobId }) => jobId === id)).toMatchObject([
    {
      ...{ level: 'warn', code: 'ATTEMPT_LOST', kind: 'wait', attempt: 1, of: 5 },
      ...{ outcome: 'retrying', why: 'worker-lost', nextInMs: expect.any(Number) },
    },
  ]);
});

test('with defaults, a thousand attempts of a killed leader are decided within 25 s', async () => {
  const site = await openSite();
  const doomed = await startWorker(site, ['hold'], { concurrency: 1_000 });
  await startWorker(site, ['quick'], {});
  const leaders = await site.sql<{ worker: number }>('select worker from jobledger.leaders');
  expect(leaders).toEqual([{ worker: doomed.id }]);
  await site.ledger.enqueueMany(Array.from({ length: 1_000 }, () => ({ job: 'hold', payload: 0 })));
  await eventually(() => doomed.lines.length === 1_001);
  await doomed.kill();
  const since = performance.now();
  await eventually(async () => (await count(site, 'AttemptLost')) === 1_000, {
    ...{ timeoutMs: 60_000, everyMs: 100 },
  });
  expect(performance.now() - since).toBeLessThan(25_000);
}, 90_000);

test('a job that kills its worker fails alone: none of a thousand innocents does', async () => {
  const site = await openSite();
  await startLeader(site);
  const quick = { ...QUICK, leaseMs: 600 };
  const half = Array.from({ length: 500 }, () => ({ job: 'brief', payload: 0 }));
  await site.ledger.enqueueMany(half);
  const killer = await site.ledger.enqueue('die', {}, { retry: { type: 'fixed', baseMs: 0 } });
  await site.ledger.enqueueMany(half);
  const dead: TestProcess[] = [];
  let current: TestProcess | undefined;
  let done = false;
  const keepRunning = async (): Promise<void> => {
    while (!done) {
      current = await startWorker(site, ['brief', 'die'], quick);
      await current.exit;
      if (!done) dead.push(current);
    }
  };
  const running = keepRunning();
  const failed = await inState(site.ledger, killer.id, 'failed', 90_000);
  await eventually(async () => (await count(site, 'AttemptSucceeded')) === 1_000, {
    ...{ timeoutMs: 30_000, everyMs: 100 },
  });
  await eventually(() => current !== undefined && !dead.includes(current));
  done = true;
  await current?.kill();
  await running;
  expect(failed.previousError).toMatchObject({ name: 'WorkerLost', lastAttempt: true });
  expect(failed).toMatchObject({ attempt: 5, counted: 5 });
  const lost = await site.sql<{ kind: string; most: number }>(
    `select kind, max(n)::int as most from (select stream_id, kind, count(*) as n
      from jobledger.events where type = 'AttemptLost' group by 1, 2) per_job group by kind order by kind`,
  );
  expect(lost.find((row) => row.kind === 'die')).toEqual({ kind: 'die', most: 5 });
  // Innocents are near the killer until it is known: two deaths at most.
  expect(lost.find((row) => row.kind === 'brief')?.most ?? 0).toBeLessThanOrEqual(2);
  expect(dead).toHaveLength(5);
}, 120_000);

test('a worker that was only paused cannot finish what others have taken over, and goes on', async () => {
  const site = await openSite();
  const paused = await startWorker(site, ['hold', 'quick', 'wait']);
  const { id } = await site.ledger.enqueue('hold', {});
  await paused.waitForLine(`began ${id} 1`);
  const told = await site.ledger.enqueue('wait', {}, { maxAttempts: 1 });
  await paused.waitForLine(`began ${told.id} 1`);
  paused.signal('SIGSTOP');
  const other = job('hold', (_, { previousError }) => ({ by: 'the other', previousError }));
  const taker = await site.start({ jobs: [other] });
  expect((await inState(site.ledger, id, 'succeeded')).result).toMatchObject({
    by: 'the other',
    previousError: { name: 'WorkerLost', message: expect.stringContaining(`worker ${paused.id}`) },
  });
  await inState(site.ledger, told.id, 'failed');
  await taker.stop();
  paused.signal('SIGCONT');
  await paused.waitForLine(`aborted ${told.id} lease-lost`);
  paused.stdin.write('go\n');
  await paused.waitForLine(`returned ${id}`);
  await eventually(async () => (await types(site.ledger, id)).includes('OutcomeRejected'));
  expect((await lastEvent(site.ledger, id, 'OutcomeRejected')).data).toMatchObject({
    ...{ attempt: 1, worker: paused.id, outcome: expect.stringMatching(/succe/i) },
  });
  expect((await site.ledger.get(id))?.state).toBe('succeeded');
  const next = await site.ledger.enqueue('quick', {});
  expect((await inState(site.ledger, next.id, 'succeeded')).result).toBe(paused.pid);
  const { data } = await lastEvent(site.ledger, next.id, 'AttemptStarted');
  expect(data.worker).not.toBe(paused.id);
});

test('a handler that blocks the event loop longer than the lease keeps it', async () => {
  const site = await openSite();
  await startLeader(site);
  const worker = await startWorker(site, ['block']);
  const { id } = await site.ledger.enqueue('block', { ms: 4_000 });
  await inState(site.ledger, id, 'succeeded');
  expect(await types(site.ledger, id)).toEqual([
    ...['JobEnqueued', 'AttemptStarted', 'AttemptSucceeded'],
  ]);
  expect((await lastEvent(site.ledger, id, 'AttemptStarted')).data.worker).toBe(worker.id);
});

test('a loop that is blocked beyond the stall limit loses the lease, and the worker ends by a fault', async () => {
  const site = await openSite();
  await startLeader(site);
  const worker = await startWorker(site, ['block'], { ...QUICK, stallLimitMs: 1_000 });
  const { id } = await site.ledger.enqueue('block', { ms: 6_000 }, { maxAttempts: 1 });
  await inState(site.ledger, id, 'failed');
  expect(await types(site.ledger, id)).toContain('AttemptLost');
  expect(await worker.exit).toMatchObject({ code: 1 });
  expect(worker.lines.at(-1)).toMatch(/^fault worker: the event loop stood still/);
});

test('a leader whose loop is blocked is replaced, and keeps its leases', async () => {
  const site = await openSite();
  const stuck = await startWorker(site, ['block']);
  const leader = async () =>
    (await site.sql<{ worker: number }>('select worker from jobledger.leaders'))[0]?.worker;
  await eventually(async () => (await leader()) === stuck.id);
  const other = await startWorker(site, ['quick']);
  const blocked = await site.ledger.enqueue('block', { ms: 9_000 });
  await stuck.waitForLine(`began ${blocked.id} 1`);
  await eventually(async () => (await leader()) === other.id);
  const delayed = await site.ledger.enqueue('quick', {}, { delay: 1 });
  await inState(site.ledger, delayed.id, 'succeeded');
  expect((await site.ledger.get(blocked.id))?.state).toBe('running');
  await inState(site.ledger, blocked.id, 'succeeded');
  expect((await types(site.ledger, blocked.id)).length).toBe(3);
});

test('among several processes one leads, and each lost attempt is lost once', async () => {
  const site = await openSite();
  const processes = await Promise.all([1, 2, 3].map(() => startWorker(site, ['quick'])));
  const doomed = await startWorker(site, ['hold'], {
    ...QUICK,
    concurrency: 200,
    maintenance: false,
  });
  await site.ledger.enqueueMany(Array.from({ length: 200 }, () => ({ job: 'hold', payload: 0 })));
  await eventually(() => doomed.lines.length === 201);
  await doomed.kill();
  await eventually(async () => (await count(site, 'AttemptLost')) >= 200);
  const leaders = await site.sql<{ worker: number }>('select worker from jobledger.leaders');
  expect(leaders).toHaveLength(1);
  expect(processes.map((one) => one.id)).toContain(leaders[0]!.worker);
  const per = await site.sql(
    `select from jobledger.events where type = 'AttemptLost' group by stream_id having count(*) > 1`,
  );
  expect(per).toEqual([]);
});

test('a process whose ledger is closed ends by itself', async () => {
  const site = await openSite();
  const worker = await startWorker(site, ['quick']);
  const { id } = await site.ledger.enqueue('quick', {});
  await inState(site.ledger, id, 'succeeded');
  worker.stdin.end('stop\n');
  await worker.waitForLine('closed');
  expect(await worker.exit).toEqual({ code: 0, signal: null });
});
