import pg from 'pg';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { inState, job, openSite, QUICK, sharedSite, signal } from './site.js';

const shared = sharedSite({ partitions: 4 });
const by = { actor: 'ada', reason: 'test' };

test('a stray row hides no job that was made more urgent', async () => {
  const { ledger, start, sql } = shared.current;
  await sql(`insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version,
    partition, priority, queue, kind)
    select ('00000000-0000-4000-8000-0000000000' || lpad(to_hex(p), 2, '0'))::uuid, 999999, 0, 0, 5, 1, p, 0, 'default', 'hid'
    from generate_series(0, 3) p`);
  const gates = new Map<string, () => void>();
  const kind = job('hid', (name: string) => new Promise<void>((go) => gates.set(name, go)));
  await start({ ...QUICK, jobs: [kind], concurrency: 1, fetchAhead: 0 });
  const id = (n: number) => `00000000-0000-4000-9000-0000000000${n}0`;
  await ledger.enqueue('hid', 'first', { id: id(1), priority: 5 });
  await eventually(() => gates.has('first'));
  const hidden = await ledger.enqueue('hid', 'hidden', { id: id(2), priority: 9 });
  await ledger.enqueue('hid', 'second', { id: id(3), priority: 5 });
  gates.get('first')!();
  await eventually(() => gates.has('second'));
  await ledger.reprioritize(hidden.id, { ...by, priority: 5 });
  gates.get('second')!();
  await eventually(() => gates.has('hidden'));
  gates.get('hidden')!();
  await inState(ledger, hidden.id, 'succeeded');
  await sql(`delete from jobledger.ready where position = 999999`);
});

test('a job alone in quarantine that is canceled and does not listen keeps its slot, not the worker', async () => {
  const { ledger, start, sql } = shared.current;
  const end = signal();
  const deaf = job('deaf', () => end.promise, { maxAttempts: 4 });
  const innocent = job('innocent', () => {});
  const worker = await start({ ...QUICK, jobs: [deaf, innocent], cancelGraceMs: 300 });
  const { id } = await ledger.enqueue('deaf', 0, { retry: { type: 'fixed', baseMs: 0 } });
  for (let losses = 1; losses <= 2; losses++) {
    await inState(ledger, id, 'running');
    await sql(`update jobledger.workers set dead_at = clock_timestamp() where id = $1`, [
      worker.id,
    ]);
    await eventually(async () => (await ledger.get(id))?.losses === losses);
  }
  await inState(ledger, id, 'running');
  await ledger.cancel(id, by);
  await inState(ledger, id, 'canceled');
  const other = await ledger.enqueue('innocent', 0);
  await inState(ledger, other.id, 'succeeded');
  end.resolve();
});

test('a worker that is stopped while it comes back under a new id stays stopped', async () => {
  const { open, start, sql } = shared.current;
  const ran: unknown[] = [];
  const ledger = await open();
  const worker = await start(
    { ...QUICK, jobs: [job('late', (payload) => void ran.push(payload))] },
    ledger,
  );
  await sql(`create function slow() returns trigger language plpgsql as
    $$ begin perform pg_sleep(1); return new; end $$`);
  await sql(
    `create trigger slow before insert on jobledger.workers for each row execute function slow()`,
  );
  const before = worker.id;
  await sql(`update jobledger.workers set dead_at = clock_timestamp() where id = $1`, [before]);
  await eventually(() => worker.id !== before);
  await worker.stop();
  await sql(`drop trigger slow on jobledger.workers`);
  const live = await sql(`select id from jobledger.workers where 'late' = any(kinds)
    and dead_at is null and ended_at is null`);
  expect(live).toEqual([]);
  await ledger.close();
  expect(ran).toEqual([]);
});

test('a ledger that closes after a death records the late outcome as rejected, and then is quiet', async () => {
  const { open, start, sql, ledger } = shared.current;
  const own = await open();
  const end = signal();
  const began = signal();
  const kind = job('slow-end', () => (began.resolve(), end.promise));
  const worker = await start({ ...QUICK, jobs: [kind] }, own);
  const { id } = await ledger.enqueue('slow-end', 0, { maxAttempts: 1 });
  await began.promise;
  await sql(`update jobledger.workers set dead_at = clock_timestamp() where id = $1`, [worker.id]);
  await eventually(async () =>
    (await ledger.history(id)).some((event) => event.type === 'AttemptLost'),
  );
  const closing = own.close();
  end.resolve();
  await closing;
  const types = (await ledger.history(id)).map((event) => event.type);
  expect(types).toContain('OutcomeRejected');
});

test('a partition that is kept locked delays no other', async () => {
  const { ledger, start, sql, url } = shared.current;
  const ran: unknown[] = [];
  await start({ ...QUICK, jobs: [job('due', (payload) => void ran.push(payload))] });
  const id = (partition: number) => `00000000-0000-4000-a000-00000000000${partition}`;
  const [ids] = await sql<{ space: number }>(
    `select ('x' || substr(id::text, 1, 8))::bit(32)::int as space from jobledger.ledger`,
  );
  await ledger.enqueue('due', 'locked', { id: id(0), delay: 2_000 });
  await ledger.enqueue('due', 'free', { id: id(1), delay: 2_100 });
  const stranger = new pg.Client(url);
  await stranger.connect();
  await stranger.query('select pg_advisory_lock($1::int, 0)', [ids!.space]);
  await eventually(() => ran.includes('free'));
  expect(ran).toEqual(['free']);
  await stranger.end();
  await eventually(() => ran.includes('locked'));
});

test('while a partition is kept locked, no enqueue and no start elsewhere waits for it', async () => {
  const { ledger, start, sql, url } = shared.current;
  const ran: number[] = [];
  await start({ ...QUICK, jobs: [job('elsewhere', (n: number) => void ran.push(n))] });
  const [ids] = await sql<{ space: number }>(
    `select ('x' || substr(id::text, 1, 8))::bit(32)::int as space from jobledger.ledger`,
  );
  const stranger = new pg.Client(url);
  await stranger.connect();
  await stranger.query('select pg_advisory_lock($1::int, 2)', [ids!.space]);
  let longestMs = 0;
  const since = performance.now();
  for (let n = 0; n < 40; n++) {
    const called = performance.now();
    await ledger.enqueue('elsewhere', n);
    longestMs = Math.max(longestMs, performance.now() - called);
  }
  await eventually(() => ran.length === 40);
  // Whoever waits for a lock waits for two seconds.
  expect(longestMs).toBeLessThan(1_900);
  expect(performance.now() - since).toBeLessThan(5_000);
  await stranger.end();
});

test('a worker whose ledger was made anew under it ends, and touches nothing of the new one', async () => {
  const { ledger, start, sql } = await openSite();
  await ledger.enqueue('anew', 1, { delay: 60_000 });
  const worker = await start({ ...QUICK, jobs: [job('anew', () => null)] });
  // What a new `init` leaves, seen from here: another id, and workers that do not know this one.
  await sql(`update jobledger.ledger set id = gen_random_uuid()`);
  await sql(`update jobledger.workers set dead_at = clock_timestamp()`);
  await expect(worker.ended).rejects.toMatchObject({ code: 'OTHER_LEDGER' });
  expect(await sql('select from jobledger.workers where dead_at is null')).toEqual([]);
});
