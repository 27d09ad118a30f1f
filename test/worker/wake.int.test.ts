import { expect, test } from 'vitest';
import type { EnqueueOptions, Ledger } from '../../src/index.js';
import { inState, job, lastEvent, openSite, signal } from './site.js';

/** So that nothing but a wake can be what a worker acts on. */
const POLL_MS = 3_600_000;

const WAYS: readonly (readonly [string, EnqueueOptions])[] = [
  ['no time at all', {}],
  ['no delay', { delay: 0 }],
  ['a time that has passed', { runAt: new Date(1_000_000_000_000) }],
  ['a key', { unique: { key: 'k' } }],
  ['a key and a time that has passed', { unique: { key: 'l' }, runAt: new Date(1e12) }],
];

test('an idle worker in another process hears of whatever is due, however it was enqueued', async () => {
  const { ledger, start, open } = await openSite();
  const runnable = job('due', () => null);
  await start({ jobs: [runnable], pollIntervalMs: POLL_MS }, await open());
  for (const [, options] of WAYS) {
    const { id } = await ledger.enqueue(runnable, 1, options);
    await inState(ledger, id, 'succeeded');
  }
  const item = { job: runnable, payload: 1, delay: 0 };
  const [made] = await ledger.enqueueMany([item], { atomic: true });
  await inState(ledger, made!.id, 'succeeded');
});

test('what a ledger says last is heard although it closes', async () => {
  const { ledger, start, open } = await openSite();
  const began = signal();
  const deaf = job('deaf', async (_, { signal: aborted }) => {
    began.resolve();
    await new Promise((resolve) => aborted.addEventListener('abort', resolve));
    throw new Error('stopped');
  });
  const runnable = job('last', () => null);
  const options = { pollIntervalMs: POLL_MS, heartbeatMs: 20_000, leaseMs: 60_000 };
  await start({ jobs: [deaf, runnable], ...options }, await open());
  const say = async <T>(words: (closing: Ledger) => Promise<T>): Promise<T> => {
    const closing = await open();
    const answer = await words(closing);
    await closing.close();
    return answer;
  };
  const { id } = await say((closing) => closing.enqueue(deaf, 1));
  await began.promise;
  await say((closing) => closing.cancel(id, { actor: 'ada', reason: 'test' }));
  await inState(ledger, id, 'canceled');
  const keyed = await say((closing) => closing.enqueue(runnable, 1, { unique: { key: 'k' } }));
  await inState(ledger, keyed.id, 'succeeded');
});

test('a thrown thing that throws at every look is a failure like any other', async () => {
  const { ledger, start } = await openSite();
  const revoked = () => {
    const { proxy, revoke } = Proxy.revocable({}, {});
    revoke();
    return proxy;
  };
  const trap = () => {
    throw new Error('do not look');
  };
  const things = [
    revoked,
    () => new Proxy(new Error('x'), { has: trap, get: trap, getPrototypeOf: trap }),
    () => new Proxy(new Error('x'), { has: trap }),
  ];
  const runnable = job('hostile', (index: number) => {
    throw things[index]!();
  });
  await start({ jobs: [runnable] });
  for (const index of things.keys()) {
    const { id } = await ledger.enqueue(runnable, index, { maxAttempts: 1 });
    await inState(ledger, id, 'failed');
    expect((await lastEvent(ledger, id, 'AttemptFailed')).data).toMatchObject({ attempt: 1 });
  }
});
