import { beforeAll, beforeEach, expect, test } from 'vitest';
import type { Ledger } from 'jobledger';
import { newJobId } from '../../src/ledger/ids.js';
import { peekStatement, type PeekedRow } from '../../src/ledger/claim/peek-statement.js';
import type { Store } from '../../src/ledger/store.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const PARTITIONS = 16;
let store: Store;
let ledger: Ledger;

beforeAll(async () => {
  await addWorkers(3, 'other');
});

beforeEach(async () => {
  [store, ledger] = await Promise.all([site.store(), site.open()]);
  await site.ask('truncate jobledger.ready');
  await site.ask(`update jobledger.workers set ended_at = now() where queues = '{default}'`);
});

test('a worker that is alone has every partition for its own, and goes by the line', async () => {
  const [worker] = await addWorkers(1);
  await enqueue(7, 2, 11, 2, 0);
  const rows = await peek(worker!);
  expect(rows.map(({ partition }) => partition)).toEqual([7, 2, 11, 0]);
  expect(rows.map(({ own, workers }) => ({ own, workers }))).toEqual(
    Array.from({ length: 4 }, () => ({ own: true, workers: 1 })),
  );
});

test('each of several workers looks at its own partitions first, and every partition is somebody’s own', async () => {
  const crew = await addWorkers(3);
  const all = Array.from({ length: PARTITIONS }, (_, partition) => partition);
  await enqueue(...all);
  const parts: number[][] = [];
  for (const worker of crew) {
    const rows = await peek(worker);
    expect(new Set(rows.map(({ workers }) => workers))).toEqual(new Set([3]));
    const own = partitionsOf(rows.filter((row) => row.own));
    const others = partitionsOf(rows.filter((row) => !row.own));
    expect(partitionsOf(rows)).toEqual([...own, ...others]);
    // They were filled in this order.
    expect([own, others]).toEqual([inOrder(own), inOrder(others)]);
    parts.push(own);
  }
  expect(inOrder(parts.flat())).toEqual(all);
  expect(inOrder(parts.map(({ length }) => length))).toEqual([5, 5, 6]);
});

test('others’ partitions are left behind by so many places, and by no more', async () => {
  const [first] = await addWorkers(2);
  await enqueue(1, 0);
  await site.ask(`update jobledger.ready mine set seq = theirs.seq + 100
    from jobledger.ready theirs where mine.partition = 0 and theirs.partition = 1`);
  expect(partitionsOf(await peek(first!, 0))).toEqual([1, 0]);
  expect(partitionsOf(await peek(first!, 99))).toEqual([1, 0]);
  expect(partitionsOf(await peek(first!, 101))).toEqual([0, 1]);
});

test('priority goes before whose partition it is', async () => {
  const [first, second] = await addWorkers(2);
  await enqueue(0, 1);
  await ledger.enqueue('peeked', {}, { id: newJobId(2, PARTITIONS), priority: 1 });
  await ledger.enqueue('peeked', {}, { id: newJobId(3, PARTITIONS), priority: -1 });
  expect(partitionsOf(await peek(first!))).toEqual([3, 0, 1, 2]);
  expect(partitionsOf(await peek(second!))).toEqual([3, 1, 0, 2]);
});

test('who finds nothing in its own partitions is shown what the others have', async () => {
  const [first, second] = await addWorkers(2);
  await enqueue(4, 2, 6);
  const seenBy = async (worker: number) =>
    (await peek(worker)).map(({ partition, own }) => [partition, own]);
  expect(await seenBy(first!)).toEqual([4, 2, 6].map((partition) => [partition, true]));
  expect(await seenBy(second!)).toEqual([4, 2, 6].map((partition) => [partition, false]));
});

test('who is dead, has ended, or works on other queues has no partition for its own', async () => {
  const [dead, ended, live] = await addWorkers(3);
  await enqueue(0, 1, 2);
  await site.ask('update jobledger.workers set dead_at = now() where id = $1', [dead]);
  await site.ask('update jobledger.workers set ended_at = now() where id = $1', [ended]);
  expect((await peek(live!)).map(({ own, workers }) => ({ own, workers }))).toEqual(
    Array.from({ length: 3 }, () => ({ own: true, workers: 1 })),
  );
});

test('rows without a job hide nobody behind them', async () => {
  const [worker] = await addWorkers(1);
  await enqueue(5);
  await site.ask(`insert into jobledger.ready(job_id, position, attempt, counted, max_attempts,
      version, partition, priority, queue, kind)
    select gen_random_uuid(), 1, 0, 0, 5, 1, 5, -7, 'default', 'peeked' from generate_series(1, 3)`);
  expect(await peek(worker!)).toMatchObject([{ partition: 5, priority: 0 }]);
});

/** Live workers of a queue, in the order of their ids. */
async function addWorkers(count: number, queue = 'default'): Promise<number[]> {
  const rows = await site.ask<{ id: number }>(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms)
      select 'here', 1, '1', array[$2], '{peeked}', 60000 from generate_series(1, $1) returning id`,
    [count, queue],
  );
  return inOrder(rows.map(({ id }) => id));
}

/** One job after another into these partitions. */
async function enqueue(...partitions: readonly number[]): Promise<void> {
  for (const partition of partitions)
    await ledger.enqueue('peeked', {}, { id: newJobId(partition, PARTITIONS) });
}

/** What a worker of the queue is shown of all partitions. */
async function peek(worker: number, behind = 1_000_000): Promise<readonly PeekedRow[]> {
  const stretch = { kind: 'peeked', fromPriority: -32_769, fromSeq: 0, toPriority: 32_767 };
  const stretches = Array.from({ length: PARTITIONS }, (_, partition) => {
    return { ...stretch, partition, queue: 'default' };
  });
  const statement = peekStatement(store, stretches, { worker, queues: ['default'], behind });
  return (await store.database.pool.query<PeekedRow>(statement)).rows;
}

function partitionsOf(rows: readonly PeekedRow[]): number[] {
  return rows.map(({ partition }) => partition);
}

function inOrder(numbers: readonly number[]): number[] {
  return numbers.toSorted((a, b) => a - b);
}
