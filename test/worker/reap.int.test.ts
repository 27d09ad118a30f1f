import { expect, test } from 'vitest';
import { endCanceled } from '../../src/worker/maintenance/cancel-grace.js';
import { Reaper } from '../../src/worker/maintenance/reap.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
import { job } from './site.js';

const site = await ledgerSite();

/** A worker that never beats, and a reaper whose clock is the test's. */
async function watch(leaseMs: number) {
  const [worker] = await site.ask<{ id: number }>(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms)
      values ('here', 1, '1', '{}', '{}', $1) returning id`,
    [leaseMs],
  );
  let nowMs = 0;
  const reaper = new Reaper(
    await site.store(),
    () => undefined,
    () => nowMs,
  );
  const isDead = async () => {
    const sql = 'select from jobledger.workers where id = $1 and dead_at is not null';
    return (await site.ask(sql, [worker!.id])).length === 1;
  };
  const passAfter = async (ms: number) => {
    nowMs += ms;
    await reaper.pass();
    return isDead();
  };
  return { id: worker!.id, reaper, passAfter };
}

test('a worker that stands still is dead once it was watched doing so for its lease, not before', async () => {
  const { passAfter } = await watch(3_000);
  for (let pass = 0; pass <= 6; pass++) expect(await passAfter(500)).toBe(false);
  expect(await passAfter(500)).toBe(true);
});

test('time in which the reaper did not look, for an outage or a stall, counts for little', async () => {
  const { passAfter } = await watch(3_000);
  for (const gapMs of [0, 60_000, 60_000]) expect(await passAfter(gapMs)).toBe(false);
});

test('a beat begins the watch anew', async () => {
  const { id, passAfter } = await watch(3_000);
  for (let pass = 0; pass <= 6; pass++) await passAfter(500);
  await site.ask('update jobledger.workers set beat = beat + 1 where id = $1', [id]);
  for (let pass = 0; pass <= 6; pass++) expect(await passAfter(500)).toBe(false);
  expect(await passAfter(500)).toBe(true);
});

test('a reaper that lost its connection begins the watch anew', async () => {
  const { reaper, passAfter } = await watch(3_000);
  for (let pass = 0; pass <= 6; pass++) await passAfter(500);
  reaper.forget();
  expect(await passAfter(500)).toBe(false);
});

/** Attempts in one partition that a worker holds, all but the last few of them unreadable. */
async function unreadableLeases(kind: string, readable: number) {
  const ledger = await site.open();
  const items = Array.from({ length: 400 + readable }, (_, n) => ({
    job: kind,
    payload: n,
    id: `00000000-0000-4000-8000-${kind}${String(n).padStart(6, '0')}05`,
    maxAttempts: 1,
  }));
  await ledger.enqueueMany(items);
  const worker = ledger.worker({
    jobs: [job(kind, (_, { signal }) => new Promise((go) => (signal.onabort = go)))],
    concurrency: 1_000,
    maintenance: false,
  });
  await worker.start();
  const leased = `select job_id from jobledger.leases where kind = $1 order by seq`;
  await eventually(async () => (await site.ask(leased, [kind])).length === items.length);
  await site.ask(
    `insert into jobledger.events select partition, head.position + n, job_id, 3, 'ProgressReported', 9,
        kind, queue, '{}', '{}', clock_timestamp()
      from (select *, row_number() over () as n from jobledger.leases where kind = $1
        order by seq limit 400) l
      cross join lateral (select max(position) as position from jobledger.events e
        where e.partition = l.partition) head`,
    [kind],
  );
  return { ledger, worker };
}

async function types(kind: string, type: string): Promise<number> {
  const sql = 'select from jobledger.events where kind = $1 and type::text = $2';
  return (await site.ask(sql, [kind, type])).length;
}

test('leases of jobs that cannot be read hide none behind them', async () => {
  const { worker } = await unreadableLeases('aaaa', 3);
  await site.ask('update jobledger.workers set dead_at = clock_timestamp() where id = $1', [
    worker.id,
  ]);
  const { reaper } = await watch(60_000);
  expect(await reaper.pass()).toBe(3);
  expect(await types('aaaa', 'AttemptLost')).toBe(3);
  await worker.stop({ graceMs: 0 });
});

test('a lost lease of a job that cannot be read leaves the others of its worker to be ended', async () => {
  const { worker } = await unreadableLeases('eeee', 3);
  await site.ask(
    `with bad as (select gen_random_uuid() as id), head as (
        select max(position) as position from jobledger.events where partition = 5),
      recorded as (insert into jobledger.events
        select 5, head.position + 1, id, 1, 'JobEnqueued', 1, 'eeee', 'default', 'null', '{}',
          clock_timestamp() from bad, head)
    insert into jobledger.leases(seq, claim, worker, claimed_at, job_id, position, attempt, counted,
        max_attempts, version, partition, priority, queue, kind)
      select -1, 1, $1, 'epoch', id, head.position + 1, 1, 1, 5, 1, 5, 0, 'default', 'eeee' from bad, head`,
    [worker.id],
  );
  await site.ask('update jobledger.workers set dead_at = clock_timestamp() where id = $1', [
    worker.id,
  ]);
  const { reaper } = await watch(60_000);
  expect(await reaper.pass()).toBe(3);
  await worker.stop({ graceMs: 0 });
});

test('canceled jobs that cannot be read hide none behind them', async () => {
  const { worker } = await unreadableLeases('bbbb', 3);
  await site.ask(`update jobledger.leases set cancel_at = 'epoch' where kind = 'bbbb'`);
  await site.ask(
    `insert into jobledger.events select partition, head.position + n, job_id, 3, 'CancelRequested', 1,
        kind, queue, '{"reason": "deaf"}', '{}', clock_timestamp()
      from (select *, row_number() over () as n from jobledger.leases where kind = 'bbbb'
        order by seq offset 400) l
      cross join lateral (select max(position) as position from jobledger.events e
        where e.partition = l.partition) head`,
  );
  await endCanceled(await site.store(), 0);
  expect(await types('bbbb', 'JobCanceled')).toBe(3);
  await worker.stop({ graceMs: 0 });
});
