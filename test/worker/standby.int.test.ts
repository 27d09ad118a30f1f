import { expect, test } from 'vitest';
import { migrateDatabase, openLedger } from '../../src/index.js';
import { cli } from '../support/cli.js';
import { eventually } from '../support/eventually.js';
import { follow } from '../support/standby.js';
import { startPostgres, type ThrowawayPostgres } from '../support/throwaway.js';
import { ask, inState, job, openSite, QUICK, signal } from './site.js';

/** A second server that streams from the first. */
async function startStandby(primary: ThrowawayPostgres): Promise<ThrowawayPostgres> {
  const standby = await startPostgres({ standbyOf: primary });
  await isStreaming(primary);
  return standby;
}

async function isStreaming({ url }: ThrowawayPostgres): Promise<void> {
  const streaming = `select from pg_stat_replication where state = 'streaming'`;
  await eventually(async () => (await ask(url, streaming)).length > 0);
}

test('a standby is refused in one line, by the library and by the command', async () => {
  const primary = await startPostgres();
  await openSite({ url: primary.url });
  const { url: database } = await startStandby(primary);
  const refusal = {
    ...{ code: 'STORE_READ_ONLY', answer: 'unreachable' },
    message: 'database: the server is a standby or the session is read-only',
  };
  await expect(openLedger({ database, logger: false })).rejects.toMatchObject(refusal);
  await expect(openLedger({ database, migrate: true })).rejects.toMatchObject(refusal);
  await expect(migrateDatabase({ database })).rejects.toMatchObject(refusal);
  const { code, errorLines } = await cli(['stats', '--database', database]);
  expect({ code, errorLines }).toEqual({ code: 3, errorLines: [`jobledger: ${refusal.message}`] });
}, 60_000);

test('a primary that becomes a standby makes workers wait, and say so, until it is primary again', async () => {
  const primary = await startPostgres();
  const site = await openSite({ url: primary.url, ledger: { enqueueTimeoutMs: 1_000 } });
  const go = signal();
  let began = 0;
  const held = job('held', async (n: number) => {
    began++;
    await go.promise;
    return n;
  });
  const items = Array.from({ length: 6 }, (_, payload) => ({ job: held, payload }));
  const running = await site.ledger.enqueueMany(items);
  await site.start({ jobs: [held], concurrency: 6 });
  await eventually(() => began === 6);
  const waiting = await site.ledger.enqueueMany(items);
  const other = await startStandby(primary);

  await primary.stop();
  await ask(other.url, 'select pg_promote()');
  await follow(primary.dataFolder, other);
  await primary.start();
  await isStreaming(other);
  go.resolve();
  await expect(site.ledger.enqueue(held, 99)).rejects.toMatchObject({ code: 'STORE_READ_ONLY' });
  const told = await eventually(() => {
    const line = site.logged.findLast(({ code }) => /^STORE_/.test(String(code)));
    return /standby/.test(String(line?.message)) && line!;
  });
  expect(told).toMatchObject({ level: 'warn', code: 'STORE_AWAY' });
  const until = performance.now() + 2 * QUICK.leaseMs;
  await eventually(() => performance.now() > until);
  expect((await site.ledger.stats()).states).toMatchObject({ running: 6, available: 6 });

  // Meanwhile callers go on with the new primary.
  const elsewhere = await openLedger({ database: other.url, logger: false });
  const by = { actor: 'ada', reason: 'test' };
  const { id: fresh } = await elsewhere.enqueue(held, 7);
  const [{ id: canceled }] = waiting as [(typeof waiting)[0]];
  await elsewhere.cancel(canceled, by);
  await elsewhere.close();
  await eventually(async () => (await site.ledger.get(fresh))?.state === 'available');
  await inState(site.ledger, canceled, 'canceled');
  await other.stop();
  await ask(primary.url, 'select pg_promote()');

  for (const { id } of running)
    expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ attempt: 1, version: 3 });
  for (const { id } of waiting.slice(1)) await inState(site.ledger, id, 'succeeded');
  await inState(site.ledger, fresh, 'succeeded');
  expect(began).toBe(12);
  expect(site.logged.findLast(({ code }) => /^STORE_/.test(String(code)))).toMatchObject({
    code: 'STORE_BACK',
  });
  const troubles = site.logged.filter(({ code }) => code === 'HEARTBEAT').map(({ error }) => error);
  expect(troubles.some((text) => /read-only/.test(String(text)))).toBe(true);
  expect(troubles.filter((text, index) => text === troubles[index - 1])).toEqual([]);
  const dead = await site.sql('select from jobledger.workers where dead_at is not null');
  expect(dead).toEqual([]);
}, 90_000);
