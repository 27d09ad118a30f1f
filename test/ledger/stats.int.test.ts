import { afterAll, beforeAll, expect, it } from 'vitest';
import pg from 'pg';
import { z } from 'zod';
import { defineJob, NonRetryableError, openLedger, type Ledger } from 'jobledger';
import { createDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';

let database: Awaited<ReturnType<typeof createDatabase>>;
let ledger: Ledger;
const by = { actor: 'ada', reason: 'test' };

const mixed = defineJob({
  kind: 'stats.mixed',
  queue: 'busy',
  payload: z.object({ n: z.number() }),
  handle: ({ n }) => {
    if (n % 10 === 3) throw new NonRetryableError('no');
    return Promise.resolve();
  },
});
const idle = defineJob({ kind: 'stats.idle', payload: z.object({}) });

beforeAll(async () => {
  database = await createDatabase();
  const few = { schema: 'few', partitions: 4, migrate: true };
  ledger = await openLedger({ database: database.url, jobs: [mixed, idle], logger: false, ...few });
});

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

it('asks for known kinds at 0', async () => {
  const { states, byQueue, enqueued } = await ledger.stats();
  expect(Object.values(states)).toEqual(Array.from({ length: 8 }, () => 0));
  expect(enqueued).toBe(0);
  expect(byQueue.map((row) => [row.queue, row.kind])).toEqual([
    ['busy', 'stats.mixed'],
    ['default', 'stats.idle'],
  ]);
});

it('counts every job in one state, and names what nobody works on', async () => {
  const items = Array.from({ length: 100 }, (_, n) => ({ job: mixed, payload: { n } }));
  const made = await ledger.enqueueMany(items);
  await ledger.enqueue(idle, {}, { delay: 60_000 });
  await ledger.enqueue(idle, {});
  const canceled = await ledger.enqueue(idle, {});
  await ledger.cancel(canceled.id, by);
  const before = await ledger.stats();
  expect(before.unattended).toEqual([
    { queue: 'busy', kind: 'stats.mixed', waiting: 100 },
    { queue: 'default', kind: 'stats.idle', waiting: 2 },
  ]);
  await using worker = ledger.worker({ jobs: [mixed] });
  await worker.start();
  await eventually(async () => (await ledger.stats()).states.failed === 10);
  await eventually(async () => (await ledger.stats()).states.succeeded === 90);
  await ledger.discard(made[3]!.id, by);
  const { states, enqueued, unattended, workers, oldestAvailableMs } = await ledger.stats();
  expect(states).toEqual({
    ...{ scheduled: 1, available: 1, running: 0, retrying: 0 },
    ...{ succeeded: 90, failed: 9, canceled: 1, discarded: 1 },
  });
  expect(enqueued).toBe(103);
  expect(workers).toBe(1);
  expect(oldestAvailableMs).toBeGreaterThan(0);
  expect(unattended).toEqual([{ queue: 'default', kind: 'stats.idle', waiting: 2 }]);
});

it('tells the same after tallies were taken', async () => {
  await using worker = ledger.worker({ jobs: [mixed], concurrency: 50 });
  await worker.start();
  const before = (await ledger.stats()).states.succeeded;
  for (let round = 0; round < 10; round++) {
    const items = Array.from({ length: 2_000 }, (_, n) => ({ job: mixed, payload: { n: n * 10 } }));
    await ledger.enqueueMany(items);
  }
  await eventually(async () => (await ledger.stats()).states.succeeded === before + 20_000, {
    timeoutMs: 60_000,
  });
  await eventually(async () => (await tallied()) > 40_000, { timeoutMs: 30_000 });
  const { states, enqueued } = await ledger.stats();
  const total = Object.values(states).reduce((sum, count) => sum + count, 0);
  expect(total).toBe(enqueued);
  expect(states.succeeded).toBe(before + 20_000);
}, 120_000);

it('tells for how long the oldest available job has been available', async () => {
  const options = { database: database.url, logger: false, migrate: true } as const;
  await using late = await openLedger({ ...options, schema: 'late', partitions: 2 });
  await using worker = late.worker({ jobs: [mixed] });
  await worker.start();
  const { id } = await late.enqueue('stats.late', {}, { delay: 1_500 });
  await eventually(async () => (await late.stats()).oldestAvailableMs !== null);
  await late.reprioritize(id, { ...by, priority: 1 });
  const enqueuedAt = Date.parse((await late.get(id))!.createdAt);
  const { at, oldestAvailableMs } = await late.stats();
  // Each of the three times is cut to whole milliseconds.
  const availableMs = Date.parse(at) - enqueuedAt - 1_500;
  expect(Math.abs(oldestAvailableMs! - availableMs)).toBeLessThanOrEqual(2);
});

/** How many events stand behind the last tallies. */
async function tallied(): Promise<number> {
  const client = new pg.Client(database.config);
  await client.connect();
  const { rows } = await client.query<{ sum: string }>(
    `select coalesce(sum(position), 0) as sum from (
      select partition, max(position) as position from few.tallies group by partition) last`,
  );
  await client.end();
  return Number(rows[0]!.sum);
}
