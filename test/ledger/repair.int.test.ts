import { expect, test } from 'vitest';
import pg from 'pg';
import { eventually } from '../support/eventually.js';
import { job, openSite, signal, types, type Site } from '../worker/site.js';

const BY = { actor: 'ada', reason: 'test' };

/** A stopped ledger with jobs in line and for later. */
async function stopped(partitions = 4, jobs = 40): Promise<Site & { ids: string[] }> {
  const site = await openSite({ partitions });
  const ids: string[] = [];
  for (let n = 0; n < jobs; n++) ids.push((await site.ledger.enqueue('some', n)).id);
  await site.ledger.enqueue('some', -1, { delay: 60_000 });
  return { ...site, ids };
}

/** Everything that a repair may change, as one text. */
async function tables({ sql }: Site): Promise<string> {
  const names = ['ready', 'scheduled', 'leases', 'unique_keys', 'workers', 'tallies', 'inbox'];
  const parts = names.map(
    (name) => `select '${name}' as place, to_jsonb(t) as row from jobledger.${name} t`,
  );
  return JSON.stringify(
    await sql(`select * from (${parts.join(' union all ')}) all_rows order by 1, 2`),
  );
}

/** Runs everything that is due, one at a time; gives the payloads in the order in which they ran. */
async function runAll(site: Site, count: number): Promise<number[]> {
  const ran: number[] = [];
  const some = job('some', (n: number) => void ran.push(n));
  const worker = await site.start({ jobs: [some], concurrency: 1 });
  await eventually(() => expect(ran).toHaveLength(count), { timeoutMs: 20_000 });
  await worker.stop();
  return ran;
}

test('rows that are right are in no change, and a dry run changes nothing', async () => {
  const site = await stopped();
  expect(await site.ledger.repairDispatch({ dryRun: true })).toMatchObject({
    ...{ dryRun: true, changes: 0, samples: [], left: [], verification: null },
  });
  await site.sql(`delete from jobledger.ready where job_id = $1`, [site.ids[3]]);
  const before = await tables(site);
  const plan = await site.ledger.repairDispatch({ dryRun: true });
  expect(plan).toMatchObject({
    changes: 1,
    tables: { ready: { add: 1, change: 0, remove: 0 } },
    samples: [{ table: 'ready', action: 'add', jobId: site.ids[3] }],
  });
  expect(await tables(site)).toBe(before);
  expect(await site.ledger.repairDispatch()).toMatchObject({
    ...{ dryRun: false, changes: 1, samples: plan.samples },
    verification: { verified: true },
  });
  expect(await site.ledger.repairDispatch()).toMatchObject({ changes: 0 });
});

test.each([
  ['some rows are', `delete from jobledger.ready where position % 3 = 1`],
  ['the whole table is', `truncate jobledger.ready`],
])('jobs run in the order of the log after %s gone', async (_, harm) => {
  const site = await stopped(1);
  await site.sql(harm);
  await site.ledger.repairDispatch();
  expect(await runAll(site, 40)).toEqual(Array.from({ length: 40 }, (_value, n) => n));
});

test('a job that came due meanwhile stands where its time puts it', async () => {
  const site = await openSite({ partitions: 1 });
  await site.ledger.enqueue('some', 2, { delay: 200 });
  await site.ledger.enqueue('some', 1);
  await eventually(async () => {
    const due = await site.sql(`select from jobledger.scheduled where run_at < clock_timestamp()`);
    expect(due).toHaveLength(1);
  });
  await site.ledger.enqueue('some', 3);
  await site.sql(`truncate jobledger.ready, jobledger.scheduled`);
  expect(await site.ledger.repairDispatch()).toMatchObject({ tables: { ready: { add: 3 } } });
  expect(await runAll(site, 3)).toEqual([1, 2, 3]);
});

test('a job that is not in the table of its state goes there, and a due one stays where it waits', async () => {
  const { ledger, sql } = await openSite({ partitions: 1 });
  const { id } = await ledger.enqueue('some', 1);
  const due = await ledger.enqueue('some', 2, { delay: 1 });
  const columns = `job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind`;
  await sql(
    `with gone as (delete from jobledger.ready where job_id = '${id}' returning *)
      insert into jobledger.scheduled(run_at, state, ${columns}) select now(), 'retrying', ${columns} from gone`,
  );
  await sql(`update jobledger.scheduled set version = 3 where job_id = $1`, [due.id]);
  expect(await ledger.repairDispatch()).toMatchObject({
    tables: { ready: { add: 1 }, scheduled: { add: 0, change: 1, remove: 1 } },
    verification: { verified: true },
  });
});

test('a released job keeps the place that it had before it was claimed', async () => {
  const site = await openSite({ partitions: 1 });
  const begun = signal();
  const hold = job('some', () => (begun.resolve(), new Promise(() => undefined)));
  const first = await site.ledger.enqueue('some', 1);
  const worker = await site.start({ jobs: [hold], concurrency: 1 });
  await begun.promise;
  await site.ledger.enqueue('some', 2);
  await worker.stop({ graceMs: 0 });
  expect(await types(site.ledger, first.id)).toContain('AttemptReleased');
  await site.sql(`truncate jobledger.ready`);
  await site.ledger.repairDispatch();
  expect(await runAll(site, 2)).toEqual([1, 2]);
});

test('is refused while a worker lives, and until the lease of a killed one is over', async () => {
  const site = await stopped();
  await site.sql(`truncate jobledger.ready`);
  const worker = await site.start({ jobs: [job('other', () => undefined)] });
  const before = await site.sql(`select job_id from jobledger.ready`);
  for (const options of [{}, { dryRun: true }])
    await expect(site.ledger.repairDispatch(options)).rejects.toMatchObject({
      code: 'LEDGER_RUNNING',
      message: expect.stringMatching(/^worker \d+ \(process \d+ on .*\) beat \d+ s ago: stop all/),
    });
  expect(await site.sql(`select job_id from jobledger.ready`)).toEqual(before);
  await worker.stop();
  await site.sql(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms) values ('x', 1, '1', '{}', '{}', 500)`,
  );
  await expect(site.ledger.repairDispatch()).rejects.toMatchObject({ code: 'LEDGER_RUNNING' });
  await eventually(async () =>
    expect(await site.ledger.repairDispatch()).toMatchObject({ verification: { verified: true } }),
  );
});

test('refuses options that do not exist or are of another type', async () => {
  const { ledger } = await openSite();
  const call = (options: object) => ledger.repairDispatch(options);
  await expect(call({ dry: true })).rejects.toMatchObject({
    ...{ code: 'BAD_INPUT', message: 'dry: no such option of repairDispatch' },
  });
  await expect(call({ dryRun: 1 })).rejects.toMatchObject({ code: 'BAD_INPUT' });
});

test('keys go back to the jobs that the log gives them to, those of the inbox included', async () => {
  const site = await openSite();
  const { ledger } = site;
  const unique = (key: string, scope?: object | string) => ({ unique: { key, scope } }) as object;
  const { id: active } = await ledger.enqueue('some', 1, unique('a'));
  await ledger.enqueue('some', 1, unique('e', 'forever'));
  await ledger.enqueue('some', 1, unique('w', { within: 3_600_000 }));
  const ended = await ledger.enqueue('some', 1, unique('x'));
  await ledger.cancel(ended.id, BY);
  const client = new pg.Client(site.url);
  await client.connect();
  await client.query('begin');
  await ledger.enqueue('some', 1, { ...unique('i'), transaction: client } as object);
  await client.query('commit');
  await client.end();
  const keys = () =>
    site.sql<object>(`select tenant, kind, key, job_id, scope,
      round(extract(epoch from expires_at)) as expires from jobledger.unique_keys order by key`);
  const before = await keys();
  expect(before).toHaveLength(4);

  await site.sql(`truncate jobledger.unique_keys`);
  expect(await ledger.repairDispatch()).toMatchObject({ tables: { unique_keys: { add: 4 } } });
  expect(await keys()).toEqual(before);

  // Each has another's, and one that ended has one too.
  await site.sql(`update jobledger.unique_keys set job_id = $1 where key = 'e'`, [active]);
  await site.sql(`update jobledger.unique_keys set job_id = $1 where key = 'a'`, [ended.id]);
  expect(await ledger.repairDispatch()).toMatchObject({
    ...{ left: [], verification: { verified: true } },
  });
  expect(await keys()).toEqual(before);
});

test('a key that two jobs have by the log is left with who holds it, and told', async () => {
  const site = await openSite({ verify: false });
  const first = await site.ledger.enqueue('some', 1, { unique: { key: 'k' } });
  await site.sql(`delete from jobledger.unique_keys`);
  const second = await site.ledger.enqueue('some', 1, { unique: { key: 'k' } });
  expect(second.created).toBe(true);
  const { changes, left, verification } = await site.ledger.repairDispatch();
  expect({ changes, left }).toEqual({
    changes: 0,
    left: [
      `key "k" of job ${first.id} is held by job ${second.id}, which the log gives it as well`,
    ],
  });
  expect(verification).toMatchObject({ verified: false });
});

test('jobs that this program cannot read keep their rows and are told of', async () => {
  const site = await openSite({ verify: false });
  const { ledger } = site;
  const [{ id }, other] = [await ledger.enqueue('some', 1), await ledger.enqueue('some', 2)];
  await site.sql(
    `insert into jobledger.events select partition, position + 1000, stream_id, 2, type, 99, kind, queue,
      data, meta, recorded_at from jobledger.events where stream_id = $1`,
    [id],
  );
  await site.sql(`update jobledger.ready set version = 7`);
  const { left } = await ledger.repairDispatch();
  expect(left).toEqual([expect.stringContaining(`job ${id} cannot be read, its rows stay`)]);
  const rows = await site.sql(`select job_id, version from jobledger.ready order by version`);
  expect(rows).toEqual([
    { job_id: other.id, version: 1 },
    { job_id: id, version: 7 },
  ]);
});

test('wrong tallies go, and are made again from the log', async () => {
  const site = await stopped(1);
  const wrong = `insert into jobledger.tallies values (0, 30, 'default', 'some', 99, 1, 0, 0, 0)`;
  await site.sql(wrong);
  expect((await site.ledger.stats()).states.succeeded).toBe(1);
  const { verified, differences } = await site.ledger.verify();
  expect({ verified, found: differences.map(({ where }) => where) }).toEqual({
    ...{ verified: false, found: ['tallies'] },
  });
  expect(await site.ledger.repairDispatch()).toMatchObject({
    ...{ changes: 1, tables: { tallies: { remove: 1 } }, verification: { verified: true } },
  });
  expect((await site.ledger.stats()).states.succeeded).toBe(0);
  await site.sql(wrong.replace('99, 1', '30, 0'));
  expect(await site.ledger.repairDispatch()).toMatchObject({ changes: 0 });
});
