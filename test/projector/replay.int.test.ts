import { expect, onTestFinished, test } from 'vitest';
import { openStore } from '../../src/ledger/open-store.js';
import { createDatabase } from '../../src/database.js';
import { dropLeases, takeBuilds } from '../../src/projector/builds.js';
import { readHeads } from '../../src/ledger/heads.js';
import { prepareBuilds } from '../../src/projector/prepare.js';
import { Replay } from '../../src/projector/replay.js';
import { jobs } from '../../projections/jobs.js';
import { throughput } from '../../projections/throughput.js';
import { ownLog } from '../../src/own-log.js';
import { openSite, type Site } from '../worker/site.js';

const COUNT = 12_000;
const OWNER = '6f2c1a52-61c6-4f0e-9d0f-6a8f3f0f3b11';
const code = [jobs, throughput];

test('the past is folded job by job, and whoever goes on begins where a chunk ended', async () => {
  const site = await openSite({ partitions: 1 });
  const items = Array.from({ length: COUNT }, (_, n) => ({ job: 'k', payload: n }));
  const made = await site.ledger.enqueueMany(items);
  await foldOneChunk(site);
  const models = site.ledger.projections({ projections: code });
  const begun = await site.sql<{ goal: string; folded: string; position: string; job_id: string }>(
    'select goal, folded, position, job_id from jobledger.checkpoints order by build',
  );
  for (const { goal, folded, position, job_id: jobId } of begun) {
    expect([goal, position]).toEqual([String(COUNT), '0']);
    expect(Number(folded)).toBeGreaterThan(0);
    expect(Number(folded)).toBeLessThan(COUNT);
    expect(made.some(({ id }) => id === jobId)).toBe(true);
  }
  expect((await models.status('jobs'))[0]).toMatchObject({ events: Number(begun[0]!.folded) });
  // What happens meanwhile, also to jobs that are folded already, comes behind the goal.
  await site.ledger.cancel(made[0]!.id, { actor: 'ada', reason: 'test' });
  await site.ledger.cancel(made.at(-1)!.id, { actor: 'ada', reason: 'test' });
  await site.ledger.projector({ projections: code }).catchUp();
  const states = await site.sql(
    'select state, count(*)::int from jobledger.jobs group by 1 order by 1',
  );
  expect(states).toEqual([
    { state: 'available', count: COUNT - 2 },
    { state: 'canceled', count: 2 },
  ]);
  expect(await models.verify()).toMatchObject([{ verified: true }, { verified: true }]);
  expect((await models.status('jobs'))[0]).toMatchObject({ state: 'live', lagEvents: 0 });
});

test('a job with an event that this program does not know stops its partition alone, before any of it', async () => {
  const site = await openSite({ partitions: 2, verify: false });
  await site.ledger.enqueueMany(
    Array.from({ length: 4_000 }, (_, n) => ({ job: 'k', payload: n })),
  );
  const [{ n } = { n: 0 }] = await site.sql<{ n: number }>(
    'select count(*)::int as n from jobledger.events where partition = 1',
  );
  expect(n).toBeGreaterThan(0);
  await site.sql(
    `insert into jobledger.events select 0, position + 1, stream_id, 2, 'CancelRequested', 99, kind, queue,
      '{"reason":"new"}', meta, recorded_at from jobledger.events where partition = 0 and version = 1
      and position = (select max(position) from jobledger.events where partition = 0)`,
  );
  await site.ledger.projector({ projections: [jobs] }).catchUp();
  const [status] = await site.ledger.projections().status('jobs');
  expect(status).toMatchObject({ state: 'building', parked: 0, lagEvents: 2 });
  expect(status!.trouble).toMatch(/CancelRequested\): its form 99 is newer than this program/);
});

/** What a projector does that dies between two chunks. */
async function foldOneChunk(site: Site): Promise<void> {
  const database = createDatabase(
    { connectionString: site.url },
    { pooler: false, maxConnections: 8 },
  );
  onTestFinished(() => database.pool.end());
  const store = await openStore(database, {
    schema: 'jobledger',
    log: ownLog(),
    clockShiftMs: () => 0,
  });
  await prepareBuilds(store, code);
  const { builds } = await takeBuilds(store, code, OWNER);
  const lost = () => expect.unreachable();
  const { read, behind } = await new Replay(store, lost).round(builds, await readHeads(store));
  expect(read).toBeLessThan(COUNT);
  expect(behind.size).toBe(code.length);
  await dropLeases(store, OWNER);
}
