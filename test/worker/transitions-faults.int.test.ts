import { expect, test } from 'vitest';
import type { HandlerContext } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { startProxy } from '../support/proxy.js';
import { listener } from './listener.js';
import { aborted, inState, job, sharedSite, signal } from './site.js';

const shared = sharedSite();

test('a change whose answer overtakes that of the attempt before it is told behind it', async () => {
  const { open, start, url } = shared.current;
  const proxy = await startProxy(url);
  const { onTransition, of } = listener();
  const ledger = await open({ database: proxy.url });
  const broken = job('overtaken', () => Promise.reject(new Error('no')), { maxAttempts: 1 });
  await start({ jobs: [broken], onTransition }, ledger);
  const deaf = proxy.stopReadingAfter('durationMs');
  const { id } = await ledger.enqueue(broken, {});
  const resume = await deaf;
  await inState(ledger, id, 'failed');
  await ledger.discard(id, { actor: 'ada', reason: 'test' });
  expect(of(id)).toEqual(['available > running: AttemptStarted']);
  resume();
  await eventually(() => {
    expect(of(id)).toEqual([
      ...['available > running: AttemptStarted', 'running > failed: AttemptFailed'],
      'failed > discarded: JobDiscarded',
    ]);
  });
});

test('a listener is told in order too of what a worker without one brings', async () => {
  const { open, start, url } = shared.current;
  const proxy = await startProxy(url);
  const { onTransition, of } = listener();
  const ledger = await open({ database: proxy.url });
  const broken = job('brought', () => Promise.reject(new Error('no')), { maxAttempts: 1 });
  await start({ jobs: [broken] }, ledger);
  await start({ jobs: [job('bystander', () => null)], onTransition }, ledger);
  const deaf = proxy.stopReadingAfter('durationMs');
  const { id } = await ledger.enqueue(broken, {});
  const resume = await deaf;
  await inState(ledger, id, 'failed');
  await ledger.discard(id, { actor: 'ada', reason: 'test' });
  resume();
  await eventually(() => {
    expect(of(id)).toEqual([
      ...['available > running: AttemptStarted', 'running > failed: AttemptFailed'],
      'failed > discarded: JobDiscarded',
    ]);
  });
});

test('what waits for an outcome that is given up is told all the same', async () => {
  const { open, start, url } = shared.current;
  const proxy = await startProxy(url);
  const { onTransition, of } = listener();
  const ledger = await open({ database: proxy.url });
  const broken = job('given up', () => Promise.reject(new Error('no')), { maxAttempts: 1 });
  const worker = await start({ jobs: [broken], onTransition }, ledger);
  await start({ jobs: [job('survivor', () => null)], onTransition }, ledger);
  const deaf = proxy.stopReadingAfter('durationMs');
  const { id } = await ledger.enqueue(broken, {});
  await deaf;
  await inState(ledger, id, 'failed');
  await ledger.discard(id, { actor: 'ada', reason: 'test' });
  await worker.stop({ graceMs: 0 });
  proxy.shut();
  proxy.open();
  await eventually(() => expect(of(id)).toContain('failed > discarded: JobDiscarded'));
});

test('a canceled attempt whose acknowledgement was lost is told of', async () => {
  const { open, start, url, logged } = shared.current;
  const proxy = await startProxy(url);
  const { onTransition, of } = listener();
  const ledger = await open({ database: proxy.url });
  const began = signal();
  const wait = async (_: never, context: HandlerContext) => {
    began.resolve();
    await aborted(context);
    throw new Error('stopped');
  };
  const kind = job('cut off', wait);
  await start({ jobs: [kind], onTransition }, ledger);
  const { id } = await ledger.enqueue(kind, {});
  await began.promise;
  const cut = proxy.cutCommitAfter('cut off here');
  await shared.current.ledger.cancel(id, { actor: 'ada', reason: 'cut off here' });
  await cut;
  await eventually(() => {
    expect(of(id)).toEqual([
      ...['available > running: AttemptStarted', 'running > canceled: JobCanceled'],
    ]);
  });
  const lines = logged.filter(({ jobId, message }) => jobId === id && message === 'job canceled');
  expect(lines).toHaveLength(1);
});

test('a worker that is declared dead listens on, though it cannot begin anew yet', async () => {
  const { ledger, open, start, sql, logged } = shared.current;
  const { onTransition, of } = listener();
  const own = await open();
  const worker = await start({ jobs: [job('reborn', () => null)], onTransition }, own);
  const { id } = await ledger.enqueue('reborn', {}, { delay: 3_600_000 });
  await sql(`create function refuse() returns trigger language plpgsql as
    $$ begin raise exception 'no room'; end $$`);
  await sql(`create trigger full_up before insert on jobledger.workers
    for each row execute function refuse()`);
  const lastId = async () => {
    const sequence = `pg_get_serial_sequence('jobledger.workers', 'id')`;
    const [row] = await sql<{ id: string }>(`select pg_sequence_last_value(${sequence}) as id`);
    return Number(row!.id);
  };
  const before = await lastId();
  await sql('update jobledger.workers set dead_at = clock_timestamp() where id = $1', [worker.id]);
  // Its start has failed by the time that it tries again.
  await eventually(async () => expect(await lastId()).toBeGreaterThan(before + 1));
  await own.cancel(id, { actor: 'ada', reason: 'test' });
  await sql('drop trigger full_up on jobledger.workers');
  expect(logged.filter(({ code }) => code === 'LEASE_LOST')).toHaveLength(1);
  expect(of(id)).toEqual(['scheduled > canceled: JobCanceled']);
});

test('a claim whose reply was lost is told of when it is given back', async () => {
  const { open, start, url } = shared.current;
  const proxy = await startProxy(url);
  const { onTransition, of } = listener();
  const ledger = await open({ database: proxy.url });
  const kind = job('unheard', () => null);
  await start({ jobs: [kind], onTransition }, ledger);
  const cut = proxy.cutCommitAfter('"attempt":1,"worker"');
  const { id } = await shared.current.ledger.enqueue(kind, {});
  await cut;
  await inState(shared.current.ledger, id, 'succeeded');
  await eventually(() => {
    expect(of(id)).toEqual([
      ...['available > running: AttemptStarted', 'running > available: AttemptReleased'],
      ...['available > running: AttemptStarted', 'running > succeeded: AttemptSucceeded'],
    ]);
  });
});
