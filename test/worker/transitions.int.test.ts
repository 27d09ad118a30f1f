import { expect, test } from 'vitest';
import type { HandlerContext, Transition } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { aborted, inState, job, sharedSite, signal } from './site.js';

const shared = sharedSite();

/** A listener and what it was told, one line per transition of the job. */
function listener() {
  const told: Transition[] = [];
  return {
    onTransition: (transition: Transition) => void told.push(transition),
    of: (id: string) =>
      told
        .filter(({ jobId }) => jobId === id)
        .map(({ from, to, event }) => `${from} > ${to}: ${event.type}`),
  };
}

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

test('each ended attempt is one log line, as loud as its end is grave', async () => {
  const { ledger, start, logged } = shared.current;
  const handle = (_: never, { attempt }: HandlerContext) => {
    if (attempt < 3) throw new Error('no');
  };
  const good = job('logged', handle);
  const bad = job('logged.bad', () => Promise.reject(new Error('no')));
  await start({ jobs: [good, bad] });
  const one = await ledger.enqueue(good, {});
  const two = await ledger.enqueue(bad, {}, { maxAttempts: 1 });
  await inState(ledger, one.id, 'succeeded');
  await inState(ledger, two.id, 'failed');
  const linesOf = (id: string) => logged.filter((line) => line['jobId'] === id);
  await eventually(() => {
    expect(linesOf(one.id).map((line) => line.level)).toEqual(['info', 'info', 'debug']);
    expect(linesOf(two.id)).toMatchObject([
      {
        level: 'error',
        kind: 'logged.bad',
        attempt: 1,
        of: 1,
        category: 'unknown',
        outcome: 'failed',
      },
    ]);
  });
  expect(linesOf(one.id)[0]).toMatchObject({
    attempt: 1,
    of: 5,
    nextInMs: 0,
    category: 'unknown',
  });
});

test('what is given back, snoozed or canceled is an info line of its own', async () => {
  const { ledger, start, logged } = shared.current;
  const began = signal<HandlerContext>();
  const wait = async (_: never, context: HandlerContext) => {
    began.resolve(context);
    await aborted(context);
    throw new Error(String(context.signal.reason));
  };
  const snoozing = job('info.snoozed', (_, { snooze }) => snooze(3_600_000));
  const worker = await start({ jobs: [job('info.released', wait), snoozing] });
  const released = await ledger.enqueue('info.released', {});
  const snoozed = await ledger.enqueue(snoozing, {});
  await inState(ledger, snoozed.id, 'scheduled');
  await began.promise;
  await worker.stop({ graceMs: 0 });
  const canceling = signal<HandlerContext>();
  const hold = async (_: never, context: HandlerContext) => {
    canceling.resolve(context);
    await aborted(context);
    throw new Error('stopped');
  };
  await start({ jobs: [job('info.canceled', hold)] });
  const canceled = await ledger.enqueue('info.canceled', {});
  await canceling.promise;
  await ledger.cancel(canceled.id, { actor: 'ada', reason: 'enough' });
  await inState(ledger, canceled.id, 'canceled');
  const linesOf = (id: string) => logged.filter((line) => line['jobId'] === id);
  await eventually(() => {
    expect(linesOf(released.id)).toMatchObject([
      { level: 'info', attempt: 1, of: 5, outcome: 'available', why: 'shutdown' },
    ]);
    expect(linesOf(snoozed.id)).toMatchObject([
      { level: 'info', outcome: 'scheduled', nextInMs: 3_600_000 },
    ]);
    expect(linesOf(canceled.id)).toMatchObject([{ level: 'info', outcome: 'canceled' }]);
  });
});

test('a row of the inbox that is set aside is one line, with its code', async () => {
  const { start, logged, sql } = shared.current;
  await sql(`insert into jobledger.inbox(kind, priority) values ('log.aside', 99999)`);
  await start({ jobs: [job('log.other', () => null)] });
  const lines = () => logged.filter((line) => line['code'] === 'SET_ASIDE');
  await eventually(() => {
    expect(lines()).toMatchObject([{ level: 'warn', error: expect.stringMatching(/^priority: /) }]);
  });
});
