import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { inState, job, openSite, signal } from './site.js';

const COLUMNS = `job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind`;
const STRAY = `gen_random_uuid(), 1000000, 0, 0, 5, 1, 0, -100, 'default', 'here'`;

test('rows without a job are never claimed, stop nobody, and are told of once', async () => {
  const { ledger, start, sql, logged } = await openSite({ partitions: 1, verify: false });
  await sql(`insert into jobledger.ready(${COLUMNS}) select ${STRAY} from generate_series(1, 20)`);
  await sql(
    `insert into jobledger.scheduled(run_at, state, ${COLUMNS}) select now(), 'scheduled', ${STRAY}`,
  );
  const runnable = job('here', () => null);
  const first = await ledger.enqueue(runnable, 1);
  await start({ jobs: [runnable], concurrency: 1 });
  await inState(ledger, first.id, 'succeeded');
  const later = await ledger.enqueue(runnable, 2, { delay: 50 });
  await inState(ledger, later.id, 'succeeded');
  const tellings = () => logged.filter((line) => line['code'] === 'STRAY_ROW');
  await eventually(() => tellings().some((line) => line['rows'] === 21));
  expect(tellings().length).toBeLessThanOrEqual(2);
  expect(
    await sql(
      'select from jobledger.events where stream_id not in (select stream_id from jobledger.events where version = 1)',
    ),
  ).toEqual([]);
});

test('a row that is behind its stream is passed over like one without, and stops nobody', async () => {
  const { ledger, start, sql, logged } = await openSite({ partitions: 1, verify: false });
  const runnable = job('here', () => null);
  const stale = await ledger.enqueue(runnable, 1);
  await ledger.reprioritize(stale.id, { priority: -1, actor: 'ada', reason: 'test' });
  await sql('update jobledger.ready set version = 1 where job_id = $1', [stale.id]);
  const ended = await ledger.enqueue(runnable, 2);
  await start({ jobs: [runnable] });
  await inState(ledger, ended.id, 'succeeded');
  await sql(
    `insert into jobledger.ready(${COLUMNS})
      select $1, 3, 0, 0, 5, 1, 0, -50, 'default', 'here'`,
    [ended.id],
  );
  const next = await ledger.enqueue(runnable, 3);
  await inState(ledger, next.id, 'succeeded');
  await eventually(() => logged.some((line) => line['code'] === 'STRAY_ROW' && line['rows'] === 2));
  expect((await ledger.get(ended.id))?.state).toBe('succeeded');
});

test('a lease without a job stays where it is, and its worker goes on', async () => {
  const { ledger, start, sql } = await openSite({ partitions: 1, verify: false });
  const runnable = job('here', () => null);
  const worker = await start({ jobs: [runnable] });
  await sql(
    `insert into jobledger.leases(seq, claim, worker, claimed_at, ${COLUMNS})
      select -1, 999, $1, now(), gen_random_uuid(), 1000000, 1, 1, 5, 2, 0, 0, 'default', 'here'`,
    [worker.id],
  );
  const beats = async () =>
    (await sql<{ beat: number }>('select beat::int from jobledger.workers'))[0]!.beat;
  const before = await beats();
  await eventually(async () => (await beats()) > before + 3);
  await inState(ledger, (await ledger.enqueue(runnable, 1)).id, 'succeeded');
  expect(await sql('select job_id from jobledger.leases')).toHaveLength(1);
  await worker.stop();
  const next = await start({ jobs: [runnable] });
  expect(next.id).not.toBe(worker.id);
  await inState(ledger, (await ledger.enqueue(runnable, 2)).id, 'succeeded');
  const events =
    await sql(`select type from jobledger.events where version = 1 and type <> 'JobEnqueued'
    or type in ('AttemptReleased', 'AttemptLost')`);
  expect(events).toEqual([]);
});

test('an outcome that its unreadable stream cannot take is told of, and holds nobody up', async () => {
  const { ledger, start, sql, logged } = await openSite({ partitions: 1, verify: false });
  const [began, go] = [signal(), signal()];
  const refused = job('refused', async () => {
    began.resolve();
    await go.promise;
    throw new Error('no');
  });
  const worker = await start({ jobs: [refused, job('here', () => null)] });
  const { id } = await ledger.enqueue(refused, 0, { maxAttempts: 1 });
  await began.promise;
  await sql(`with asked as (update jobledger.leases set cancel_at = now(), version = version + 1
      returning partition, job_id, version)
    insert into jobledger.events select partition, 3, job_id, version, 'CancelRequested', 2,
      'refused', 'default', '{}', '{}', clock_timestamp() from asked`);
  go.resolve();
  await eventually(() => {
    expect(logged).toContainEqual(
      expect.objectContaining({
        ...{ code: 'OUTCOME_REJECTED', level: 'warn', jobId: id },
        reason: expect.stringMatching(/form 2 is newer than this program/),
      }),
    );
  });
  await inState(ledger, (await ledger.enqueue('here', 1)).id, 'succeeded');
  await worker.stop();
  expect(await ledger.history(id)).toHaveLength(3);
});

test('a job lost twice runs alone: nothing begins beside it', async () => {
  const { ledger, start, sql } = await openSite({ partitions: 2 });
  const go = signal();
  const began: string[] = [];
  const beside: string[][] = [];
  const running = new Set<string>();
  const runnable = job('suspect', async (name: string) => {
    began.push(name);
    running.add(name);
    if (name === 'twice lost') {
      beside.push([...running]);
      await go.promise;
      beside.push([...running]);
    }
    running.delete(name);
  });
  const { id } = await ledger.enqueue(runnable, 'twice lost');
  await sql('update jobledger.ready set losses = 2');
  await ledger.enqueueMany(
    Array.from({ length: 40 }, (_, n) => ({ job: runnable, payload: `innocent ${n}` })),
  );
  // So many slots that two claims are under way at once.
  await start({ jobs: [runnable], concurrency: 1_000 });
  await eventually(() => running.has('twice lost'));
  const beats = async () =>
    (await sql<{ beat: number }>('select beat::int from jobledger.workers'))[0]!.beat;
  const from = await beats();
  await eventually(async () => (await beats()) > from + 5);
  expect(began.at(-1)).toBe('twice lost');
  go.resolve();
  await inState(ledger, id, 'succeeded');
  await eventually(() => began.length === 41);
  expect(beside[1]).toEqual(['twice lost']);
});
