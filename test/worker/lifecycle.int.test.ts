import pg from 'pg';
import { expect, test } from 'vitest';
import type { HandlerContext } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { aborted, inState, job, lastEvent, openSite, QUICK, signal, types } from './site.js';

test('start and stop may be called twice, and a stopped worker does not start again', async () => {
  const { ledger } = await openSite();
  const worker = ledger.worker({ jobs: [job('a', () => null)], ...QUICK });
  await Promise.all([worker.start(), worker.start()]);
  await worker.start();
  const { id } = worker;
  await Promise.all([worker.stop(), worker.stop()]);
  await worker.stop();
  await expect(worker.ended).resolves.toBe('stopped');
  await expect(worker.start()).rejects.toMatchObject({ code: 'LEDGER_CLOSED' });
  expect(await ledger.workerInfo(id!)).toMatchObject({ endReason: 'stopped' });
});

test('a worker that never started stops', async () => {
  const { ledger, sql } = await openSite();
  const worker = ledger.worker({ jobs: [job('a', () => null)] });
  await worker.stop();
  expect(await sql('select from jobledger.workers')).toEqual([]);
});

test('a start that fails leaves nothing behind, and can be repeated', async () => {
  const { ledger, sql } = await openSite();
  const worker = ledger.worker({ jobs: [job('a', () => null)], ...QUICK });
  await sql('alter table jobledger.workers rename to hidden');
  await expect(worker.start()).rejects.toThrow('workers');
  await sql('alter table jobledger.hidden rename to workers');
  expect(await sql('select from jobledger.workers')).toEqual([]);
  await worker.start();
  const { id } = await ledger.enqueue('a', {});
  await inState(ledger, id, 'succeeded');
  await worker.stop();
});

test('closing the ledger stops its workers', async () => {
  const { open, sql } = await openSite();
  const ledger = await open();
  const worker = ledger.worker({ jobs: [job('a', () => null)], ...QUICK });
  await worker.start();
  await ledger.close();
  await expect(worker.ended).resolves.toBe('stopped');
  expect(await sql('select end_reason from jobledger.workers')).toEqual([
    { end_reason: 'stopped' },
  ]);
  expect(await sql('select from jobledger.leaders')).toEqual([]);
});

test('a stop lets handlers end, and starts nothing new', async () => {
  const { ledger, start } = await openSite();
  const [began, go] = [signal(), signal()];
  const began2: number[] = [];
  const runnable = job('drain', async (n: number) => {
    began2.push(n);
    began.resolve();
    await go.promise;
    return n;
  });
  const worker = await start({ jobs: [runnable], concurrency: 1 });
  const first = await ledger.enqueue(runnable, 1);
  await began.promise;
  const second = await ledger.enqueue(runnable, 2);
  const stopped = worker.stop({ graceMs: 20_000 });
  go.resolve();
  await stopped;
  expect((await ledger.get(first.id))?.state).toBe('succeeded');
  expect(await ledger.get(second.id)).toMatchObject({ state: 'available', counted: 0 });
  expect(began2).toEqual([1]);
});

test('before the grace ends signals abort with shutdown, and errors after that are no failures', async () => {
  const { ledger, start } = await openSite();
  const began = signal();
  const reason = signal<unknown>();
  const wait = async (_: never, context: HandlerContext) => {
    began.resolve();
    reason.resolve(await aborted(context));
    throw new Error('interrupted');
  };
  const runnable = job('interrupted', wait);
  const worker = await start({ jobs: [runnable], shutdownAbortMs: 19_900 });
  const { id } = await ledger.enqueue(runnable, {});
  await began.promise;
  await worker.stop({ graceMs: 20_000 });
  expect(await reason.promise).toBe('shutdown');
  expect(await types(ledger, id)).toEqual(['JobEnqueued', 'AttemptStarted', 'AttemptReleased']);
  expect((await lastEvent(ledger, id, 'AttemptReleased')).data).toEqual({
    attempt: 1,
    why: 'shutdown',
  });
  expect(await ledger.get(id)).toMatchObject({ state: 'available', attempt: 1, counted: 0 });
});

test('an attempt whose time runs out after a shutdown abort is no failure either', async () => {
  const { ledger, start } = await openSite();
  const began = signal();
  const go = signal();
  const runnable = job('late', () => (began.resolve(), go.promise));
  const worker = await start({ jobs: [runnable], shutdownAbortMs: 20_000 });
  const { id } = await ledger.enqueue(runnable, {}, { timeout: 500 });
  await began.promise;
  await worker.stop({ graceMs: 20_000 });
  go.resolve();
  expect(await types(ledger, id)).toEqual(['JobEnqueued', 'AttemptStarted', 'AttemptReleased']);
});

test.each([0, 50])(
  'after a grace of %s ms the rest is given back, told or not',
  async (graceMs) => {
    const { ledger, start } = await openSite();
    const began = signal();
    const go = signal();
    let reason: unknown;
    const ignore = async (_: never, context: HandlerContext) => {
      began.resolve();
      await go.promise;
      reason = context.signal.reason;
    };
    const runnable = job('ignored', ignore);
    const worker = await start({ jobs: [runnable] });
    const { id } = await ledger.enqueue(runnable, {});
    await began.promise;
    await worker.stop({ graceMs });
    expect(await ledger.get(id)).toMatchObject({ state: 'available', attempt: 1, counted: 0 });
    go.resolve();
    await eventually(() => reason === 'shutdown');
  },
);

test('a released job keeps its place in line and its previous error', async () => {
  const { ledger, start } = await openSite({ partitions: 1 });
  const began = signal();
  const order: number[] = [];
  const errors: unknown[] = [];
  let stopping = true;
  const handle = async (n: number, context: HandlerContext) => {
    if (n === 0 && context.attempt === 1) throw new Error('first');
    order.push(n);
    if (n === 0) errors.push(context.previousError?.message);
    if (!stopping) return;
    began.resolve();
    await aborted(context);
    throw new Error('interrupted');
  };
  const runnable = job('line', handle);
  const { id: head } = await ledger.enqueue(runnable, 0);
  const worker = await start({ jobs: [runnable], concurrency: 1 });
  await began.promise;
  const rest = [];
  for (const n of [1, 2, 3]) rest.push(await ledger.enqueue(runnable, n));
  await worker.stop({ graceMs: 0 });
  stopping = false;
  await start({ jobs: [runnable], concurrency: 1 });
  for (const { id } of [{ id: head }, ...rest]) await inState(ledger, id, 'succeeded');
  expect(order).toEqual([0, 0, 1, 2, 3]);
  expect(errors).toEqual(['first', 'first']);
});

test('what was claimed ahead is given back at a stop, uncounted', async () => {
  const { ledger, start, sql } = await openSite();
  const go = signal();
  let blocked = false;
  const runnable = job('ahead', async (n: number) => {
    if (n < 2_000) return;
    blocked = true;
    await go.promise;
  });
  await ledger.enqueueMany(
    Array.from({ length: 6_000 }, (_, payload) => ({ job: runnable, payload })),
  );
  const worker = await start({ jobs: [runnable], concurrency: 4 });
  await eventually(() => blocked);
  const stopped = worker.stop({ graceMs: 60_000 });
  go.resolve();
  await stopped;
  expect(await sql('select from jobledger.leases')).toEqual([]);
  const counted = await sql<{ n: number }>(
    `select count(*)::int as n from jobledger.ready where counted <> 0`,
  );
  expect(counted).toEqual([{ n: 0 }]);
  const lost = await sql(
    `select from jobledger.events where type in ('AttemptLost', 'OutcomeRejected')`,
  );
  expect(lost).toEqual([]);
});

test('a worker stopped in the midst of claims leaves no lease and loses no attempt', async () => {
  const { ledger, start, sql } = await openSite();
  const runnable = job('churn', () => null);
  for (let round = 0; round < 8; round++) {
    const worker = await start({ jobs: [runnable], concurrency: 50 });
    const enqueued = Array.from({ length: 200 }, (_, payload) => ledger.enqueue(runnable, payload));
    await enqueued[round * 20];
    await worker.stop();
    await Promise.all(enqueued);
    expect(await sql('select from jobledger.leases')).toEqual([]);
  }
  const bad = await sql(
    `select from jobledger.events where type in ('AttemptLost', 'OutcomeRejected', 'AttemptFailed')`,
  );
  expect(bad).toEqual([]);
});

test('a claim that is still on its way at a stop is waited for, and what it brings is given back', async () => {
  const { ledger, url, start, sql } = await openSite({ partitions: 1 });
  const runnable = job('late', () => null);
  const { id } = await ledger.enqueue(runnable, {});
  const holder = new pg.Client(url);
  await holder.connect();
  await holder.query('begin');
  // A claim never waits for the lock of its partition, but its insert for this one.
  await holder.query('lock table jobledger.leases in exclusive mode');
  const worker = await start({ jobs: [runnable], maintenance: false });
  await eventually(async () => {
    return (await sql('select from pg_locks where not granted')).length > 0;
  });
  const stopped = worker.stop();
  const beats = async () =>
    (await sql<{ beat: number }>('select beat::int from jobledger.workers'))[0]!.beat;
  const from = await beats();
  // It goes on beating for what the claim may bring.
  await eventually(async () => (await beats()) > from + 1);
  await holder.query('commit');
  await stopped;
  await holder.end();
  expect(await sql('select from jobledger.leases')).toEqual([]);
  expect(await ledger.get(id)).toMatchObject({ state: 'available', counted: 0 });
});

test('two workers in one process share the work, and neither runs what the other has', async () => {
  const { ledger, start } = await openSite();
  const runs = new Map<number, number>();
  const handle = async (n: number) => {
    runs.set(n, (runs.get(n) ?? 0) + 1);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const [one, two] = [job('shared', handle), job('shared', handle)];
  await start({ jobs: [one] });
  await start({ jobs: [two] });
  const made = await Promise.all(Array.from({ length: 500 }, (_, n) => ledger.enqueue(one, n)));
  for (const { id } of made) await inState(ledger, id, 'succeeded');
  expect([...runs.values()].every((count) => count === 1)).toBe(true);
  expect(runs.size).toBe(500);
});

test('a worker names at its start what waits and nobody works on', async () => {
  const { ledger, start, logged } = await openSite();
  await ledger.enqueueMany([
    { job: 'nobody', payload: 1, queue: 'side' },
    { job: 'nobody', payload: 2, queue: 'side' },
  ]);
  await start({ jobs: [job('a', () => null)] });
  await eventually(() => {
    expect(logged.filter((line) => line['code'] === 'UNATTENDED')).toMatchObject([
      { level: 'warn', kind: 'nobody', queue: 'side', waiting: 2 },
    ]);
  });
});

test('a job that is given back is begun at once by an idle worker that is past its place', async () => {
  const { ledger, start } = await openSite({ partitions: 1 });
  const [hangs, begun] = [signal(), signal()];
  const runnable = job('back', (name: string, { attempt }) =>
    name === 'first' && attempt === 1 ? (begun.resolve(), hangs.promise) : null,
  );
  const options = { ...QUICK, jobs: [runnable], concurrency: 1, pollIntervalMs: 60_000 };
  const first = await ledger.enqueue(runnable, 'first');
  const leaves = await start(options);
  await begun.promise;
  await start(options);
  const second = await ledger.enqueue(runnable, 'second');
  await inState(ledger, second.id, 'succeeded');
  await leaves.stop({ graceMs: 0 });
  expect(await inState(ledger, first.id, 'succeeded')).toMatchObject({ attempt: 2, counted: 1 });
  hangs.resolve();
});
