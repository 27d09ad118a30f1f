import { afterEach, beforeEach, expect, it } from 'vitest';
import pg from 'pg';
import { openLedger, type Ledger } from 'jobledger';
import { createDatabase } from '../support/database.js';

let database: Awaited<ReturnType<typeof createDatabase>>;
let ledger: Ledger;
let client: pg.Client;
let id: string;
let partition: number;

beforeEach(async () => {
  database = await createDatabase();
  ledger = await openLedger({ database: database.url });
  client = new pg.Client(database.config);
  await client.connect();
  await ledger.enqueueMany(
    Array.from({ length: 40 }, (_, n) => ({ job: 'verify.some', payload: { n } })),
  );
  await ledger.enqueue('verify.later', {}, { delay: 60_000 });
  const unique = { key: 'order-1' };
  const made = await ledger.enqueue('verify.keyed', {}, { unique });
  id = made.id;
  partition = Number(made.shortId!.split('/')[0]);
});

afterEach(async () => {
  await ledger.close();
  await client.end();
  await database.drop();
});

/** What verify says after somebody has meddled with the tables. */
async function after(meddling: string): Promise<string[]> {
  await client.query(meddling.replaceAll('$id', `'${id}'`));
  const { verified, differences } = await ledger.verify();
  expect(verified).toBe(differences.length === 0);
  return differences.map((one) => `${one.where}: ${one.text}`);
}

it('finds nothing where nobody meddled, and counts events and jobs', async () => {
  await ledger.cancel(id, { actor: 'ada', reason: 'test' });
  expect(await ledger.verify()).toMatchObject({
    verified: true,
    events: 43,
    jobs: 42,
    differences: [],
  });
});

it.each([
  ['delete from jobledger.ready where job_id = $id', /no dispatch table has the job/],
  [
    'update jobledger.ready set version = 7 where job_id = $id',
    /version is 7 in ready, 1 by the log/,
  ],
  ['update jobledger.ready set max_attempts = 9 where job_id = $id', /max_attempts is 9/],
  [`update jobledger.scheduled set run_at = run_at + interval '1 s'`, /run_at is/],
  [`update jobledger.scheduled set state = 'retrying'`, /state is retrying/],
  ['delete from jobledger.unique_keys where job_id = $id', /key "order-1" is not held/],
  [
    `insert into jobledger.unique_keys values ('', 'k', 'ghost', gen_random_uuid(), 'active', null)`,
    /key "ghost" belongs to a job that is not in the log/,
  ],
  [
    `insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind)
     values (gen_random_uuid(), 1, 0, 0, 5, 1, 3, 0, 'default', 'ghost')`,
    /stray: ready has a row of a job that is not in the log/,
  ],
  [
    'update jobledger.ready set partition = 99 where job_id = $id',
    /stray: ready has the job in partition 99, its id says \d+/,
  ],
  [
    `update jobledger.unique_keys set key = 'other'`,
    /key "other" is held for verify.keyed, the job/,
  ],
  [`update jobledger.unique_keys set scope = 'forever'`, /held as forever, active by the log/],
  [
    `insert into jobledger.scheduled(run_at, state, job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind)
     select now(), 'scheduled', job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind
     from jobledger.ready where job_id = $id`,
    /scheduled: the job has more than one dispatch row/,
  ],
  [
    `insert into jobledger.tallies select partition, 1, queue, kind, 7, 0, 0, 0, 0 from jobledger.ready where job_id = $id`,
    /tallies: at position 1, queue default, kind \S+: .* are 7, 0, 0, 0, 0, \d, 0, 0, 0, 0 by the log/,
  ],
  [
    `insert into jobledger.tallies values (0, 1000, 'default', 'k', 0, 0, 0, 0, 0)`,
    /tallies: stands at position 1000, the log ends at/,
  ],
  [
    `select setval('jobledger.ready_seq', 1, false)`,
    /ready: the next place in line would be 1, but \d+ is taken/,
  ],
])('finds what was done by hand: %s', async (meddling, expected) => {
  expect((await after(meddling)).join('\n')).toMatch(expected);
});

it('finds the row of a job that has ended, whatever table it stands in', async () => {
  await ledger.cancel(id, { actor: 'ada', reason: 'test' });
  const found = await after(
    `insert into jobledger.scheduled(run_at, state, job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind)
     select now(), 'scheduled', stream_id, position, 0, 0, 5, 2, partition, 0, queue, kind
     from jobledger.events where stream_id = $id and version = 1`,
  );
  expect(found).toEqual(['scheduled: the log says canceled, but the job stands in scheduled']);
});

it('finds the key of a job of the inbox missing', async () => {
  await client.query('begin');
  await ledger.enqueue('verify.keyed', {}, { unique: { key: 'guest' }, transaction: client });
  await client.query('commit');
  expect(await ledger.verify()).toMatchObject({ verified: true });
  expect(await after(`delete from jobledger.unique_keys where key = 'guest'`)).toEqual([
    'unique_keys: key "guest" is not held, but the job is in the inbox',
  ]);
});

it('finds a hole in the positions, a time that steps back and a stream that cannot be', async () => {
  const copy = (position: string, version: number, at: string) =>
    `insert into jobledger.events select partition, ${position}, stream_id, ${version}, 'JobCanceled', 1, kind, queue,
      '{"reason":"r","from":"available"}', '{}', ${at} from jobledger.events where stream_id = $id and version = 1`;
  const next = `(select max(position) + 5 from jobledger.events where partition = ${partition})`;
  const found = (await after(copy(next, 9, `now() - interval '1 hour'`))).join('\n');
  expect(found).toMatch(/position: expected position \d+, found \d+/);
  expect(found).toMatch(/recorded_at of position \d+ is before/);
  expect(found).toMatch(/stream: event .* cannot follow: version 9 out of turn/);
});
