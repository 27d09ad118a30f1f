import { expect, test } from 'vitest';
import type { HandlerContext, Transition } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { listener } from './listener.js';
import { aborted, inState, job, sharedSite, signal, types } from './site.js';

const shared = sharedSite();

test('onTransition is told of each change of a job, in order', async () => {
  const { ledger, start } = shared.current;
  const { onTransition, of } = listener();
  const handle = (_: never, { attempt, snooze }: HandlerContext) => {
    if (attempt === 1) throw new Error('no');
    if (attempt === 2) snooze(0);
  };
  const runnable = job('changing', handle);
  await start({ jobs: [runnable], onTransition });
  const made = await ledger.enqueueMany(
    Array.from({ length: 50 }, (_, payload) => ({ job: runnable, payload })),
  );
  for (const { id } of made) {
    await inState(ledger, id, 'succeeded');
    await eventually(() => {
      expect(of(id)).toEqual([
        ...['available > running: AttemptStarted', 'running > retrying: AttemptFailed'],
        ...['available > running: AttemptStarted', 'running > scheduled: JobSnoozed'],
        ...['available > running: AttemptStarted', 'running > succeeded: AttemptSucceeded'],
      ]);
    });
  }
});

test('onTransition is told of a canceled attempt too', async () => {
  const { ledger, start } = shared.current;
  const { onTransition, of } = listener();
  const began = signal();
  const wait = async (_: never, context: HandlerContext) => {
    began.resolve();
    await aborted(context);
    throw new Error('stopped');
  };
  const runnable = job('canceled', wait);
  await start({ jobs: [runnable], onTransition });
  const { id } = await ledger.enqueue(runnable, {});
  await began.promise;
  await ledger.cancel(id, { actor: 'ada', reason: 'enough' });
  await inState(ledger, id, 'canceled');
  await eventually(() => {
    expect(of(id)).toEqual([
      ...['available > running: AttemptStarted', 'running > canceled: JobCanceled'],
    ]);
  });
});

test('what a call to the same ledger changes is told once, whoever listens', async () => {
  const { open, start } = shared.current;
  const by = { actor: 'ada', reason: 'test' };
  const { onTransition, of } = listener();
  const ledger = await open();
  const broken = job('operated', () => Promise.reject(new Error('no')), { maxAttempts: 1 });
  await start({ jobs: [broken], onTransition }, ledger);
  await start({ jobs: [job('other', () => null)], onTransition }, ledger);
  const waiting = await ledger.enqueue('other', {}, { delay: 3_600_000 });
  await ledger.reprioritize(waiting.id, { ...by, priority: 3 });
  await ledger.reschedule(waiting.id, { ...by, runAt: new Date(Date.now() + 3_600_000) });
  await ledger.cancel(waiting.id, by);
  expect(of(waiting.id)).toEqual(['scheduled > canceled: JobCanceled']);
  const failing = await ledger.enqueue(broken, {});
  await inState(ledger, failing.id, 'failed');
  await ledger.retry(failing.id, by);
  await eventually(async () => expect(await ledger.get(failing.id)).toMatchObject({ attempt: 2 }));
  await inState(ledger, failing.id, 'failed');
  await ledger.discard(failing.id, by);
  await eventually(() => {
    expect(of(failing.id)).toEqual([
      ...['available > running: AttemptStarted', 'running > failed: AttemptFailed'],
      'failed > available: JobRetried',
      ...['available > running: AttemptStarted', 'running > failed: AttemptFailed'],
      'failed > discarded: JobDiscarded',
    ]);
  });
});

test('what is told of a job is its history, in order, whoever changes it', async () => {
  const { open, start } = shared.current;
  const by = { actor: 'ada', reason: 'test' };
  const told = new Map<string, string[]>();
  const ledger = await open();
  const broken = job('raced', () => Promise.reject(new Error('no')), { maxAttempts: 1 });
  const rounds = new Map<string, number>();
  // As soon as a failure is told, two operators are at the job; one of them comes too late, or for the next failure.
  const meddle = ({ jobId, to, event }: Transition) => {
    told.set(jobId, [...(told.get(jobId) ?? []), event.type]);
    if (to !== 'failed') return;
    const round = (rounds.get(jobId) ?? 0) + 1;
    rounds.set(jobId, round);
    const change = () => (round < 4 ? ledger.retry(jobId, by) : ledger.discard(jobId, by));
    for (let n = 0; n < 2; n++) change().catch(() => undefined);
  };
  await start({ jobs: [broken], onTransition: meddle }, ledger);
  await start({ jobs: [broken], onTransition: meddle }, ledger);
  const made = await ledger.enqueueMany(
    Array.from({ length: 60 }, () => ({ job: broken, payload: {} })),
  );
  for (const { id } of made) await inState(ledger, id, 'discarded');
  for (const { id } of made) {
    const [, ...events] = await types(ledger, id);
    await eventually(() => expect(told.get(id)).toEqual(events));
    expect(events.filter((type) => type === 'JobRetried').length).toBeGreaterThanOrEqual(3);
  }
});

test('a listener whose worker has stopped is told no more', async () => {
  const { open, start } = shared.current;
  const { onTransition, of } = listener();
  const ledger = await open();
  const worker = await start({ jobs: [job('deaf', () => null)], onTransition }, ledger);
  const { id } = await ledger.enqueue('deaf', {}, { delay: 3_600_000 });
  await worker.stop();
  await ledger.cancel(id, { actor: 'ada', reason: 'test' });
  expect(of(id)).toEqual([]);
});

test('what has come due is told of as available', async () => {
  const { open, start } = shared.current;
  const { onTransition, of } = listener();
  const ledger = await open();
  await start({ jobs: [job('elsewhere', () => null)], onTransition }, ledger);
  const { id } = await ledger.enqueue('due', {}, { delay: 1 });
  await inState(ledger, id, 'available');
  await ledger.cancel(id, { actor: 'ada', reason: 'test' });
  expect(of(id)).toEqual(['available > canceled: JobCanceled']);
});

test('onTransition names job, kind, queue and what the event carries', async () => {
  const { ledger, start } = shared.current;
  const told: Transition[] = [];
  const runnable = job('named', () => 7, { queue: 'side' });
  await start({ jobs: [runnable], onTransition: (one) => void told.push(one) });
  const { id } = await ledger.enqueue(runnable, {});
  await eventually(() => told.length === 2);
  expect(told[1]).toMatchObject({
    ...{ jobId: id, kind: 'named', queue: 'side', from: 'running', to: 'succeeded' },
    event: { type: 'AttemptSucceeded', data: { attempt: 1, result: 7 } },
  });
});

test('a transition is told after it is committed', async () => {
  const { ledger, start } = shared.current;
  const seen = signal<string | undefined>();
  const runnable = job('committed', () => null);
  const onTransition = ({ jobId, to }: Transition) => {
    if (to === 'succeeded') void ledger.get(jobId).then((found) => seen.resolve(found?.state));
  };
  await start({ jobs: [runnable], onTransition });
  await ledger.enqueue(runnable, {});
  expect(await seen.promise).toBe('succeeded');
});

test.each([
  [
    'throws',
    () => {
      throw new Error('listener');
    },
  ],
  ['rejects', () => Promise.reject(new Error('listener'))],
  ['never settles', () => new Promise(() => undefined)],
])('a listener that %s harms no job', async (name, broken) => {
  const { ledger, start, logged } = shared.current;
  const runnable = job(`listener ${name}`, () => null);
  await start({ jobs: [runnable], onTransition: broken as (transition: Transition) => void });
  const { id } = await ledger.enqueue(runnable, {});
  await inState(ledger, id, 'succeeded');
  if (name === 'never settles') return;
  await eventually(() => logged.some((line) => line['code'] === 'LISTENER'));
});
