import { expect, test } from 'vitest';
import type { HandlerContext, Middleware } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { aborted, inState, job, lastEvent, sharedSite, signal, types } from './site.js';

const shared = sharedSite();
const BY = { actor: 'ada', reason: 'sent twice' } as const;

test('an attempt ends as a timeout at its limit, and its signal says so', async () => {
  const { ledger, start } = shared.current;
  const reason = signal<unknown>();
  const wait = async (_: never, context: HandlerContext) => {
    reason.resolve(await aborted(context));
    throw new Error('stopped by the signal');
  };
  const runnable = job('timeout', wait);
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {}, { timeout: 50, maxAttempts: 1 });
  const failed = await inState(ledger, id, 'failed');
  expect(await reason.promise).toBe('timeout');
  expect(failed.previousError).toMatchObject({
    ...{ name: 'TimeoutError', category: 'timeout', retryable: true },
    message: 'the attempt took longer than 50 ms',
  });
  const { data } = await lastEvent(ledger, id, 'AttemptFailed');
  expect(data.durationMs).toBeGreaterThanOrEqual(49);
});

test('a handler that ignores its timeout keeps its slot until it returns, and its answer is nothing', async () => {
  const { ledger, start } = shared.current;
  const go = signal();
  const began: number[] = [];
  const ignore = async (n: number) => {
    began.push(n);
    if (n === 1) await go.promise;
    return n;
  };
  const runnable = job('ignore', ignore);
  await start({ jobs: [runnable], concurrency: 1 });
  const first = await ledger.enqueue(runnable, 1, { timeout: 50, maxAttempts: 1 });
  await eventually(() => began.length === 1);
  const second = await ledger.enqueue(runnable, 2);
  await inState(ledger, first.id, 'failed');
  expect(began).toEqual([1]);
  go.resolve();
  await inState(ledger, second.id, 'succeeded');
  expect(began).toEqual([1, 2]);
  expect((await ledger.get(first.id))?.state).toBe('failed');
  expect(await types(ledger, first.id)).not.toContain('OutcomeRejected');
});

test('middleware runs inside the time of its attempt', async () => {
  const { ledger, start } = shared.current;
  const runnable = job('stuck middleware', () => null);
  const hang: Middleware = async (_, context, next) => {
    await aborted(context);
    return next();
  };
  await start({ jobs: [runnable], middleware: [hang] });
  const { id } = await ledger.enqueue(runnable, {}, { timeout: 50, maxAttempts: 1 });
  const failed = await inState(ledger, id, 'failed');
  expect(failed.previousError).toMatchObject({ name: 'TimeoutError' });
});

test('a job without a limit is not timed out', async () => {
  const { ledger, start } = shared.current;
  const runnable = job('endless', (_, { signal: abort }) => abort.aborted, { timeout: null });
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  expect((await inState(ledger, id, 'succeeded')).result).toBe(false);
  expect((await ledger.get(id))?.timeoutMs).toBeNull();
});

test('a waiting job is canceled at once, and never runs', async () => {
  const { ledger, start } = shared.current;
  let called = false;
  const runnable = job('waiting', () => void (called = true));
  const other = job('other', () => null);
  const { id } = await ledger.enqueue(runnable, {});
  expect(await ledger.cancel(id, BY)).toMatchObject({ state: 'canceled', reason: 'sent twice' });
  await start({ jobs: [runnable, other] });
  await inState(ledger, (await ledger.enqueue(other, {})).id, 'succeeded');
  expect(called).toBe(false);
});

test.each([
  ['with LISTEN', false],
  ['without LISTEN', true],
])('a cancel from another ledger reaches the handler %s', async (name, pooler) => {
  const { open, start } = shared.current;
  const [here, there] = [await open({ pooler }), await open({ pooler })];
  const began = signal();
  const reason = signal<unknown>();
  const wait = async (_: never, context: HandlerContext) => {
    began.resolve();
    reason.resolve(await aborted(context));
    throw new Error('stopped');
  };
  const runnable = job(`cancel ${name}`, wait);
  // With LISTEN nothing else may bring it: the heartbeat is slow.
  const slow = { heartbeatMs: 20_000, leaseMs: 60_000 };
  await start({ jobs: [runnable], ...(pooler ? {} : slow) }, here);
  const { id } = await there.enqueue(runnable, {});
  await began.promise;
  expect(await there.cancel(id, BY)).toMatchObject({
    state: 'running',
    cancelRequested: { actor: 'ada' },
  });
  expect(await reason.promise).toBe('canceled');
  await inState(there, id, 'canceled');
  const { data, meta } = await lastEvent(there, id, 'JobCanceled');
  expect(data).toMatchObject({
    reason: 'sent twice',
    from: 'running',
    attempt: 1,
    ending: 'failed',
  });
  expect(data.error?.message).toBe('stopped');
  expect(meta).toMatchObject({ actor: 'ada' });
});

test('success survives a cancel', async () => {
  const { ledger, start } = shared.current;
  const began = signal();
  const finish = async (_: never, context: HandlerContext) => {
    began.resolve();
    await aborted(context);
    return 'done all the same';
  };
  const runnable = job('survive', finish);
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  await began.promise;
  await ledger.cancel(id, BY);
  expect((await inState(ledger, id, 'succeeded')).result).toBe('done all the same');
});

test('a canceled job that snoozes is canceled', async () => {
  const { ledger, start } = shared.current;
  const began = signal();
  const snooze = async (_: never, context: HandlerContext) => {
    began.resolve();
    await aborted(context);
    context.snooze(1);
  };
  const runnable = job('snoozing', snooze);
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  await began.promise;
  await ledger.cancel(id, BY);
  await inState(ledger, id, 'canceled');
  expect((await lastEvent(ledger, id, 'JobCanceled')).data.ending).toBe('snoozed');
});

test('a handler that ignores a cancel loses its lease after the grace, and its answer is rejected', async () => {
  const { ledger, start } = shared.current;
  const began = signal();
  const go = signal();
  const ignore = async () => {
    began.resolve();
    await go.promise;
    return 'too late';
  };
  const runnable = job('deaf', ignore);
  await start({ jobs: [runnable], cancelGraceMs: 200 });
  const { id } = await ledger.enqueue(runnable, {});
  await began.promise;
  await ledger.cancel(id, BY);
  await inState(ledger, id, 'canceled');
  expect((await lastEvent(ledger, id, 'JobCanceled')).data.ending).toBe('grace-elapsed');
  go.resolve();
  await eventually(async () => (await types(ledger, id)).includes('OutcomeRejected'));
  expect((await ledger.get(id))?.state).toBe('canceled');
});

test('a cancel between handler and record still turns a failure into a cancel', async () => {
  const { ledger, start } = shared.current;
  // The handler itself cancels its job and fails before its worker has heard of it.
  const fail = async (_: never, { jobId }: HandlerContext) => {
    await ledger.cancel(jobId, BY);
    throw new Error('no');
  };
  const runnable = job('between', fail);
  await start({ jobs: [runnable], heartbeatMs: 5_000, leaseMs: 15_000 });
  const { id } = await ledger.enqueue(runnable, {});
  const canceled = await inState(ledger, id, 'canceled');
  expect(canceled.previousError?.message).toBe('no');
  expect(await types(ledger, id)).toEqual([
    ...['JobEnqueued', 'AttemptStarted', 'CancelRequested', 'JobCanceled'],
  ]);
});
