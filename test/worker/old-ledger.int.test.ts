import { expect, test } from 'vitest';
import { jobs } from '../../projections/jobs.js';
import { blocksOf } from '../docs/markdown.js';
import { eventually } from '../support/eventually.js';
import { inState, job, lastEvent, openSite, types, type Site } from './site.js';

const by = { actor: 'ada', reason: 'test' };
const LATER = '2099-01-01T00:00:00.000000Z';
const SOUND = { verified: true, differences: [], findings: [] };
const PAST = '2020-01-01T00:00:00.000000Z';

/** Reschedules as a program did that knew the first version of JobRescheduled alone. */
async function rescheduleAsBefore({ ledger, sql }: Site, id: string, runAt: string) {
  const found = await ledger.get(id);
  if (found === undefined || !('runAt' in found)) throw new Error('it waits for no time');
  const { partition, version, state, runAt: from } = found;
  await sql(
    `with recorded as (
      insert into jobledger.events select partition, (select max(position) + 1 from jobledger.events m
          where m.partition = $2), stream_id, $3 + 1, 'JobRescheduled', 1, kind, queue, $4, '{"actor": "eve"}',
        clock_timestamp() from jobledger.events e where stream_id = $1 and version = 1)
    update jobledger.scheduled set run_at = $5, version = $3 + 1 where job_id = $1`,
    [id, partition, version, { reason: 'as before', from, runAt, state }, runAt],
  );
}

/** The stored versions of a job's JobRescheduled events. */
async function stored({ sql }: Site, id: string): Promise<number[]> {
  const rows = await sql<{ form: number }>(
    `select schema_version as form from jobledger.events
      where stream_id = $1 and type = 'JobRescheduled' order by version`,
    [id],
  );
  return rows.map(({ form }) => form);
}

test('a job that was rescheduled in the first version is read as any other', async () => {
  const site = await openSite();
  const { ledger, sql } = site;
  const { id } = await ledger.enqueue('old', 1, { delay: 3_600_000 });
  const { runAt: from } = await inState(ledger, id, 'scheduled');
  await rescheduleAsBefore(site, id, LATER);
  expect(await stored(site, id)).toEqual([1]);
  expect(await ledger.get(id)).toMatchObject({ state: 'scheduled', runAt: LATER, version: 2 });
  expect(await ledger.list({ state: 'scheduled' })).toMatchObject([{ id, runAt: LATER }]);
  expect((await ledger.history(id))[1]).toMatchObject({
    ...{ type: 'JobRescheduled', schemaVersion: 2, meta: { actor: 'eve' } },
    data: { reason: 'as before', state: 'scheduled', from, to: LATER },
  });
  expect((await lastEvent(ledger, id, 'JobRescheduled')).data).not.toHaveProperty('runAt');
  expect(await ledger.verify({ deep: true })).toMatchObject(SOUND);
  await ledger.projector({ projections: [jobs] }).catchUp();
  const [row] = await sql<{ due_at: Date }>(`select due_at from jobledger.jobs where id = $1`, [
    id,
  ]);
  expect(row!.due_at).toEqual(new Date(LATER));
});

test('commands go on from there, and write the second version', async () => {
  const site = await openSite();
  const { ledger } = site;
  const [moved, ended] = await ledger.enqueueMany(
    [1, 2].map((payload) => ({ job: 'old', payload, delay: 3_600_000 })),
  );
  for (const { id } of [moved!, ended!]) await rescheduleAsBefore(site, id, LATER);
  const again = '2098-01-01T00:00:00.000000Z';
  await ledger.reschedule(moved!.id, { ...by, runAt: again });
  await ledger.reprioritize(moved!.id, { ...by, priority: 3 });
  await ledger.cancel(ended!.id, by);
  expect(await stored(site, moved!.id)).toEqual([1, 2]);
  expect((await lastEvent(ledger, moved!.id, 'JobRescheduled')).data).toEqual({
    ...{ reason: 'test', state: 'scheduled', from: LATER, to: again },
  });
  expect(await ledger.get(moved!.id)).toMatchObject({ runAt: again, priority: 3 });
  expect(await ledger.get(ended!.id)).toMatchObject({ state: 'canceled' });
  expect(await ledger.verify({ deep: true })).toMatchObject(SOUND);
});

test('workers run such a job at its time, from scheduled and from retrying, and retry it', async () => {
  const site = await openSite();
  const { ledger } = site;
  const { id } = await ledger.enqueue('old', 1, { delay: 3_600_000, maxAttempts: 2 });
  await rescheduleAsBefore(site, id, PAST);
  let runs = 0;
  const handle = () => {
    runs += 1;
    if (runs < 3) throw new Error('not yet');
  };
  const retry = { type: 'fixed', baseMs: 3_600_000, jitter: 'none' } as const;
  await site.start({ jobs: [job('old', handle, { retry })] });
  await inState(ledger, id, 'retrying');
  await rescheduleAsBefore(site, id, PAST);
  await inState(ledger, id, 'failed');
  await ledger.retry(id, by);
  await inState(ledger, id, 'succeeded');
  expect(await types(ledger, id)).toEqual([
    ...['JobEnqueued', 'JobRescheduled', 'AttemptStarted', 'AttemptFailed'],
    ...['JobRescheduled', 'AttemptStarted', 'AttemptFailed'],
    ...['JobRetried', 'AttemptStarted', 'AttemptSucceeded'],
  ]);
  expect(await stored(site, id)).toEqual([1, 1]);
  expect(await ledger.verify({ deep: true })).toMatchObject(SOUND);
});

test('the SQL of the guide tells the time that either version gave', async () => {
  const site = await openSite();
  const [guide] = blocksOf('docs/event-versions.md').filter(({ language }) => language === 'sql');
  const { id } = await site.ledger.enqueue('old', 1, { delay: 3_600_000 });
  await rescheduleAsBefore(site, id, LATER);
  await site.ledger.reschedule(id, { ...by, runAt: PAST });
  const rows = await site.sql<{ due: string }>(guide!.text);
  expect(rows.map(({ due }) => due).sort()).toEqual([PAST, LATER]);
});

test('the wait of the oldest job is told from the time that either version gave it', async () => {
  const site = await openSite();
  const { ledger, sql } = site;
  const ahead = new Date(Date.now() + 1_500).toISOString().replace('Z', '000Z');
  for (const reschedule of [
    (id: string) => rescheduleAsBefore(site, id, ahead),
    (id: string) => ledger.reschedule(id, { ...by, runAt: ahead }),
  ]) {
    const { id } = await ledger.enqueue('waits', 1, { delay: 3_600_000 });
    await reschedule(id);
  }
  await site.start({ jobs: [job('other', () => undefined)] });
  await eventually(async () => {
    const ready = await sql('select from jobledger.ready');
    expect(ready).toHaveLength(2);
  });
  const { at, oldestAvailableMs } = await ledger.stats();
  expect(Math.abs(Date.parse(at) - Date.parse(ahead) - oldestAvailableMs!)).toBeLessThanOrEqual(2);
});
