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
])('finds what was done by hand: %s', async (meddling, expected) => {
  expect((await after(meddling)).join('\n')).toMatch(expected);
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
