import { expect, test } from 'vitest';
import { enqueueStatement } from '../../src/ledger/enqueue/enqueue-statement.js';
import { newJobId } from '../../src/ledger/ids.js';
import { lockPartition } from '../../src/ledger/store.js';
import { eventually } from '../support/eventually.js';
import { ledgerSite } from '../support/ledger.js';
import { startCli } from '../support/processes.js';

const site = await ledgerSite();
const by = { actor: 'ada', reason: 'test' };

/** Damage in every partition: rows and keys gone, rows of others there, and one that has ended. */
async function harm(): Promise<void> {
  const ledger = await site.open();
  const items = Array.from({ length: 100 }, (_, n) => ({ job: 'some', payload: n }));
  await ledger.enqueueMany(items);
  for (let n = 0; n < 20; n++)
    await ledger.enqueue('some', n, { unique: { key: `${Math.random()}` }, delay: 60_000 });
  const { id } = await ledger.enqueue('some', 1);
  await ledger.cancel(id, by);
  await site.ask(`delete from jobledger.ready where position % 2 = 0`);
  await site.ask(`update jobledger.ready set version = 5 where position % 3 = 0`);
  await site.ask(`update jobledger.scheduled set run_at = now() where position % 2 = 0`);
  await site.ask(`delete from jobledger.unique_keys`);
}

/** Resolves when a session waits for a lock that this sort of statement asks for. */
const waits = (query: string) =>
  eventually(async () => {
    const sql = `select from pg_stat_activity where wait_event_type = 'Lock' and query like $1
      and datname = current_database()`;
    expect(await site.ask(sql, [query])).toHaveLength(1);
  });

/** Runs a repair up to where it waits for us, and ends it there. */
async function stopAt(lock: string, query: string, end: 'kill' | 'terminate'): Promise<void> {
  const client = await site.connect();
  await client.query(`begin; ${lock}`);
  const child = startCli(['repair', 'dispatch', '--yes', '--database', site.database.url]);
  await waits(query);
  if (end === 'kill') await child.kill();
  else {
    await site.ask(
      `select pg_terminate_backend(pid) from pg_stat_activity
        where wait_event_type = 'Lock' and datname = current_database()`,
    );
    expect(await child.exit).toEqual({ code: 3, signal: null });
  }
  await client.query('rollback');
}

const lockOf = async (partition: number) => {
  const { lockSpace } = await site.store();
  return `select pg_advisory_xact_lock(${lockSpace}, ${partition})`;
};
const LOCKING = 'select pg_advisory_xact_lock%';
const places: [string, () => Promise<string>, string][] = [
  ['before the first partition', () => lockOf(0), LOCKING],
  ['between partitions', () => lockOf(7), LOCKING],
  ['before the last partition', () => lockOf(15), LOCKING],
  [
    'while it removes rows',
    async () => `select from jobledger.ready where version = 5 for update`,
    'delete from%',
  ],
  ['while it adds rows', async () => `lock jobledger.ready in share mode`, '%jobledger%'],
  ['while it takes keys', async () => `lock jobledger.unique_keys in share mode`, '%unique_keys%'],
];

test.each(
  places.flatMap((place) =>
    [...(['kill', 'terminate'] as const)].map((end) => [...place, end] as const),
  ),
)(
  'a repair that ends %s goes on when it is run again (%$)',
  async (_, lock, query, end) => {
    await harm();
    await stopAt(await lock(), query, end);
    const ledger = await site.open();
    await eventually(async () =>
      expect(await ledger.repairDispatch()).toMatchObject({
        ...{ left: [], verification: { verified: true } },
      }),
    );
    expect(await ledger.verify({ deep: true })).toMatchObject({ verified: true, findings: [] });
  },
  60_000,
);

test('what comes into the log before it has the lock is seen under it', async () => {
  await harm();
  const store = await site.store();
  const client = await site.connect();
  const lock = lockPartition(store, 9);
  await client.query('begin');
  await client.query(lock.text, lock.values);
  const ledger = await site.open();
  const repaired = ledger.repairDispatch();
  await waits(LOCKING);
  const id = newJobId(9, 16);
  const data = JSON.stringify({ payload: 1, priority: 0, maxAttempts: 3, timeoutMs: null });
  const times = { delayMs: null, runAt: null };
  const job = { id, kind: 'late', queue: 'default', priority: 0, maxAttempts: 3, data, meta: '{}' };
  const { text, values } = enqueueStatement(store, 9, [{ ...job, ...times }]);
  await client.query(text, values);
  await client.query('commit');
  const { samples, verification } = await repaired;
  expect(verification).toMatchObject({ verified: true });
  expect(samples.filter(({ jobId }) => jobId === id)).toEqual([]);
  expect(await site.ask(`select from jobledger.ready where job_id = $1`, [id])).toHaveLength(1);
});

test('a worker that starts meanwhile ends it before the next partition', async () => {
  await harm();
  const client = await site.connect();
  await client.query(`begin; ${await lockOf(9)}`);
  const ledger = await site.open();
  const repaired = ledger.repairDispatch();
  const refused = expect(repaired).rejects.toMatchObject({ code: 'LEDGER_RUNNING' });
  await waits(LOCKING);
  await site.ask(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms)
      values ('new', 1, '1', '{}', '{}', 60000)`,
  );
  await client.query('rollback');
  await refused;
  await site.ask(`update jobledger.workers set ended_at = now() where host = 'new'`);
  expect(await ledger.repairDispatch()).toMatchObject({ verification: { verified: true } });
});
