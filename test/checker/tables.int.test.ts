import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventually } from '../support/eventually.js';
import { startCli } from '../support/processes.js';
import { inState, job, openSite, QUICK, sharedSite, type Site } from '../worker/site.js';
import { check } from './damage.js';

const BY = { actor: 'ada', reason: 'test' };

/** Puts a job in every place: in line, scheduled, running, ended, with and without keys. */
async function enliven(site: Site): Promise<string> {
  const { ledger } = site;
  // Deaf to its signal, or the worker would mend what the test damages.
  const hold = job('hold', () => new Promise(() => undefined));
  const quick = job('quick', (n: number, { snooze, attempt }) => {
    if (n === 1 && attempt === 1) throw new Error('once');
    if (n === 2 && attempt < 3) snooze(1);
    if (n === 3) throw new Error('always');
  });
  await ledger
    .worker({ ...QUICK, jobs: [hold, quick], concurrency: 4, shutdownGraceMs: 0 })
    .start();
  const made = await ledger.enqueueMany(
    Array.from({ length: 60 }, (_, n) => ({ job: quick, payload: n % 4, maxAttempts: 2 })),
  );
  for (const [n, { id }] of made.entries()) {
    await inState(ledger, id, n % 4 === 3 ? 'failed' : 'succeeded');
  }
  await ledger.retry(made[3]!.id, BY);
  await ledger.discard(made[7]!.id, BY);
  await ledger.enqueue('waits', {});
  await ledger.enqueue('later', {}, { delay: 60_000, unique: { key: 'later' } });
  const { id: key } = await ledger.enqueue('waits', {}, { unique: { key: 'k' } });
  const again = await ledger.enqueue('waits', {}, { unique: { key: 'k' } });
  expect(again.created).toBe(false);
  const canceled = await ledger.enqueue('waits', {}, { unique: { key: 'free' } });
  await ledger.cancel(canceled.id, BY);
  await ledger.enqueue('waits', {}, { unique: { key: 'free' } });
  await ledger.enqueue('quick', 0, { unique: { key: 'ever', scope: 'forever' } });
  const held = await ledger.enqueue(hold, {});
  await inState(ledger, held.id, 'running');
  await inState(ledger, made[3]!.id, 'failed');
  // The note of the duplicate brings the version in the dispatch row along, and would mend it.
  await eventually(async () => expect(await site.sql('select from jobledger.inbox')).toEqual([]));
  return key;
}

describe('a ledger at work', () => {
  const site = sharedSite({ verify: false });
  let client: pg.Client;
  let key: string;

  beforeAll(async () => {
    key = await enliven(site.current);
    client = new pg.Client({ connectionString: site.current.url, application_name: 'the test' });
    await client.connect();
  }, 60_000);
  afterAll(() => client.end());

  it('has no finding, and none is looked for unless asked', async () => {
    const { ledger } = site.current;
    expect(await ledger.verify({ deep: true })).toMatchObject({
      ...{ verified: true, differences: [], findings: [], jobs: 67 },
    });
    expect((await ledger.verify()).findings).toBeUndefined();
  });

  it.each([
    ['dispatch-missing', `delete from jobledger.ready where job_id = $id`],
    ['dispatch-missing', `delete from jobledger.leases`],
    [
      'dispatch-stray',
      `insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind)
       select stream_id, position, 1, 1, 2, 3, partition, 0, queue, kind from jobledger.events where type = 'JobCanceled' limit 1`,
    ],
    [
      'dispatch-stray',
      `insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind)
       values ('00000000-0000-7000-8000-000000000000', 1, 0, 0, 5, 1, 0, 0, 'default', 'ghost')`,
    ],
    [
      'dispatch-twice',
      `insert into jobledger.scheduled(run_at, job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind, state)
       select '2099-01-01', job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind, 'scheduled'
       from jobledger.ready where job_id = $id`,
    ],
    ['dispatch-differs', `update jobledger.ready set version = 7 where job_id = $id`],
    ['dispatch-differs', `update jobledger.scheduled set run_at = run_at + interval '1 s'`],
    ['dispatch-differs', `update jobledger.leases set cancel_at = now()`],
    [
      'dispatch-differs',
      `with gone as (delete from jobledger.scheduled returning *)
       insert into jobledger.leases(seq, claim, worker, claimed_at, job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind)
       select 1, 1, 999, now(), job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind from gone`,
    ],
    ['key-missing', `delete from jobledger.unique_keys where job_id = $id`],
    ['key-missing', `update jobledger.unique_keys set key = 'other' where job_id = $id`],
    [
      'key-stray',
      `insert into jobledger.unique_keys values ('', 'k', 'ghost', gen_random_uuid(), 'active', null)`,
    ],
    [
      'key-stray',
      `insert into jobledger.unique_keys
       select '', kind, 'old', stream_id, 'active', null from jobledger.events where type = 'AttemptSucceeded' limit 1`,
    ],
    [
      'key-stray',
      `insert into jobledger.unique_keys
       select '', kind, 'none', job_id, 'active', null from jobledger.ready where job_id <> $id and kind = 'waits'
       and job_id not in (select job_id from jobledger.unique_keys)`,
    ],
    [
      'key-shared',
      `insert into jobledger.events select partition, (select max(position) + 1 from jobledger.events f where f.partition = e.partition),
        overlay(stream_id::text placing 'ffffffff' from 1)::uuid, 1, type, 1, kind, queue, data, '{}', recorded_at
       from jobledger.events e where stream_id = $id and version = 1`,
    ],
    [
      'key-shared',
      `insert into jobledger.events select partition, (select max(position) + 1 from jobledger.events f where f.partition = e.partition),
        overlay(stream_id::text placing 'ffffffff' from 1)::uuid, 1, type, 1, kind, queue, data, '{}', recorded_at + interval '1 day'
       from jobledger.events e where type = 'JobEnqueued' and data->'unique'->>'key' = 'ever'`,
    ],
  ])('is found to be damaged: %s by %s', async (code, meddling) => {
    // Never committed: the next case finds the ledger whole.
    await client.query('begin');
    await client.query(meddling.replaceAll('$id', `'${key}'`));
    const { findings } = await check(client);
    expect(findings.map((one) => one.code)).toContain(code);
  });
});

describe('jobledger verify --deep', () => {
  const verify = (url: string, ...flags: string[]) => {
    return startCli(['verify', '--deep', '--database', url, ...flags]);
  };

  it('says that every event keeps the rules, or names what does not and ends with 1', async () => {
    const site = await openSite({ verify: false });
    const { id } = await site.ledger.enqueue('some', {});
    const good = verify(site.url);
    expect((await good.exit).code).toBe(0);
    expect(good.lines).toEqual([expect.stringMatching(/^verified: 1 event .*keeps the rules$/)]);
    await site.sql(
      `insert into jobledger.events select partition, position + 1, stream_id, 2, 'JobRetried', 1,
        kind, queue, '{}', '{}', recorded_at from jobledger.events`,
    );
    const bad = verify(site.url);
    expect((await bad.exit).code).toBe(1);
    expect(bad.lines.join('\n')).toMatch(
      new RegExp(`^illegal-event \\d+/2, job ${id}: JobRet`, 'm'),
    );
    const json = verify(site.url, '--json');
    expect((await json.exit).code).toBe(1);
    expect(JSON.parse(json.lines.join('\n'))).toMatchObject({
      verified: false,
      findings: [{ code: 'illegal-event', position: 2, stream: id }],
    });
  });
});
