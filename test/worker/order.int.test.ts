import { expect, test } from 'vitest';
import { newJobId } from '../../src/ledger/ids.js';
import type { HandlerContext } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { inState, job, lastEvent, openSite, signal } from './site.js';

test('with one priority a partition starts jobs in the order of enqueueing', async () => {
  const { ledger, start } = await openSite({ partitions: 1 });
  const order: number[] = [];
  const runnable = job('fifo', (n: number) => void order.push(n));
  const items = Array.from({ length: 300 }, (_, payload) => ({ job: runnable, payload }));
  for (let at = 0; at < items.length; at += 100)
    await ledger.enqueueMany(items.slice(at, at + 100));
  await start({ jobs: [runnable], concurrency: 3 });
  await eventually(() => order.length === 300);
  expect(order).toEqual(items.map((item) => item.payload));
});

test('the lower priority runs first, in every partition', async () => {
  const { ledger, start } = await openSite();
  const order: number[] = [];
  const runnable = job('urgent', (n: number) => void order.push(n));
  for (let n = 0; n < 96; n++) {
    const id = newJobId(n % 16, 16);
    await ledger.enqueue(runnable, n % 3, { id, priority: (n % 3) - 1 });
  }
  await start({ jobs: [runnable], concurrency: 1, fetchAhead: 0 });
  await eventually(() => order.length === 96);
  // Across partitions priorities hold to within what was under way when the order was looked up.
  const misplaced = order.filter((n, index) => n !== Math.floor(index / 32));
  expect(misplaced.length).toBeLessThanOrEqual(12);
});

test('of two workers each takes from its own partitions first, and then what the other leaves', async () => {
  const { ledger, open, start } = await openSite();
  const [busy, go] = [signal(), signal()];
  const order: number[] = [];
  const gate = job('gate', async () => {
    busy.resolve();
    await go.promise;
  });
  const runnable = job('shared', (partition: number) => void order.push(partition));
  await start({ jobs: [gate, runnable], concurrency: 1, fetchAhead: 0 });
  await ledger.enqueue(gate, null);
  await busy.promise;
  for (let partition = 0; partition < 16; partition++)
    await ledger.enqueue(runnable, partition, { id: newJobId(partition, 16) });
  // It hears of none of them, so that it goes by what it finds.
  const deaf = await open({ pooler: true });
  await start({ jobs: [runnable], concurrency: 1, fetchAhead: 0 }, deaf);
  await eventually(() => order.length === 16);
  go.resolve();
  const parity = (rest: number) => Array.from({ length: 8 }, (_, n) => 2 * n + rest);
  // Who began first has the partitions without a rest.
  expect(order).toEqual([...parity(1), ...parity(0)]);
});

test('kinds of one queue share the line by their order', async () => {
  const { ledger, start } = await openSite({ partitions: 1 });
  const order: number[] = [];
  const kinds = ['a', 'b', 'c'].map((kind) => job(kind, (n: number) => void order.push(n)));
  for (let n = 0; n < 60; n++) await ledger.enqueue(kinds[n % 3]!, n);
  await start({ jobs: kinds, concurrency: 1 });
  await eventually(() => order.length === 60);
  expect(order).toEqual(Array.from({ length: 60 }, (_, n) => n));
});

test('a job made more urgent overtakes those that wait', async () => {
  const { ledger, start } = await openSite({ partitions: 1 });
  const order: number[] = [];
  const runnable = job('raise', (n: number) => void order.push(n));
  const made = await ledger.enqueueMany([1, 2, 3].map((payload) => ({ job: runnable, payload })));
  await ledger.reprioritize(made[2]!.id, { actor: 'ada', reason: 'now', priority: -5 });
  await start({ jobs: [runnable], concurrency: 1 });
  await eventually(() => order.length === 3);
  expect(order).toEqual([3, 1, 2]);
});

test('a worker leaves the queues alone that it was not given', async () => {
  const { ledger, start } = await openSite();
  const runnable = job('queued', () => null);
  const [here, there] = await ledger.enqueueMany([
    { job: runnable, payload: 1, queue: 'here' },
    { job: runnable, payload: 2, queue: 'there' },
  ]);
  await start({ jobs: [runnable], queues: ['here'] });
  await inState(ledger, here!.id, 'succeeded');
  expect((await ledger.get(there!.id))?.state).toBe('available');
});

test('slow jobs are never fetched ahead', async () => {
  const { ledger, start, sql } = await openSite();
  const go = signal();
  let began = 0;
  const runnable = job('slow', async () => {
    began++;
    await go.promise;
  });
  await ledger.enqueueMany(
    Array.from({ length: 50 }, (_, payload) => ({ job: runnable, payload })),
  );
  await start({ jobs: [runnable], concurrency: 5 });
  await eventually(() => began === 5);
  const held = 'select count(*)::int as n from jobledger.leases';
  expect(await sql(held)).toEqual([{ n: 5 }]);
  go.resolve();
  await eventually(() => began === 50);
});

test('a job on its last counted attempt is claimed only into a free slot, and none of them waits for a poll', async () => {
  const { ledger, start, sql } = await openSite();
  let most = 0;
  let ended = 0;
  const look = async () => {
    const [row] = await sql<{ n: number }>('select count(*)::int as n from jobledger.leases');
    most = Math.max(most, row!.n);
  };
  const runnable = job('last', async (n: number) => {
    if (n % 50 === 0) await look();
    ended++;
  });
  await ledger.enqueueMany(
    Array.from({ length: 400 }, (_, payload) => ({ job: runnable, payload, maxAttempts: 1 })),
  );
  // Were the line dropped while no slot is free, only the poll would find it again.
  await start({ jobs: [runnable], concurrency: 4, pollIntervalMs: 60_000 });
  await eventually(() => ended === 400, { timeoutMs: 25_000 });
  expect(most).toBeGreaterThan(0);
  expect(most).toBeLessThanOrEqual(8);
});

test('a delayed job never starts early', async () => {
  const { ledger, start } = await openSite();
  const runnable = job('delayed', () => null);
  await start({ jobs: [runnable] });
  const made = await ledger.enqueueMany(
    [1, 40, 90, 150, 333].map((delay) => ({ job: runnable, payload: 0, delay })),
  );
  for (const { id } of made) {
    await inState(ledger, id, 'succeeded');
    const [first] = await ledger.history(id);
    const { recordedAt } = await lastEvent(ledger, id, 'AttemptStarted');
    expect(recordedAt >= (first!.data as { runAt: string }).runAt).toBe(true);
  }
});

test('a retry never starts before its time', async () => {
  const { ledger, start } = await openSite();
  const once = (_: never, { attempt }: HandlerContext) => {
    if (attempt === 1) throw new Error('no');
  };
  const retry = { type: 'fixed', baseMs: 120, jitter: 'none' } as const;
  const runnable = job('retried', once, { retry });
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  await inState(ledger, id, 'succeeded');
  const { runAt } = (await lastEvent(ledger, id, 'AttemptFailed')).data;
  expect((await lastEvent(ledger, id, 'AttemptStarted')).recordedAt >= runAt!).toBe(true);
});

test('jobs that are all due at one instant start soon after it, without NOTIFY too', async () => {
  const { ledger, open, start, sql } = await openSite();
  const worker = await open({ pooler: true });
  const due = new Date(Date.now() + 4_000);
  const runnable = job('crowd', () => null);
  await ledger.enqueueMany(
    Array.from({ length: 10_000 }, (_, payload) => ({ job: runnable, payload, runAt: due })),
  );
  await start({ jobs: [runnable], concurrency: 50, pollIntervalMs: 1_000 }, worker);
  const ended = `select count(*)::int as n from jobledger.events where type = 'AttemptSucceeded'`;
  await eventually(async () => (await sql<{ n: number }>(ended))[0]!.n === 10_000, {
    ...{ timeoutMs: 25_000, everyMs: 250 },
  });
  const [late] = await sql<{ min: number; p50: number; p99: number }>(
    `select min(ms), percentile_cont(0.5) within group (order by ms) as p50,
      percentile_cont(0.99) within group (order by ms) as p99
    from (select extract(epoch from recorded_at - $1::timestamptz)::float8 * 1000 as ms
      from jobledger.events where type = 'AttemptStarted') late`,
    [due.toISOString()],
  );
  expect(late!.min).toBeGreaterThanOrEqual(0);
  // Promised is 250 ms on an idle worker of an idle machine.
  expect(late!.p99).toBeLessThan(10_000);
});
