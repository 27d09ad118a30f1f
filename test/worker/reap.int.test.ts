import { expect, test } from 'vitest';
import { Reaper } from '../../src/worker/maintenance/reap.js';
import { ledgerSite } from '../support/ledger.js';

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
