import { expect, test } from 'vitest';
import type { EnqueueOptions, Ledger, RunnableJob } from '../../src/index.js';
import { startChild } from '../support/processes.js';
import { startProxy } from '../support/proxy.js';
import { aborted, inState, job, lastEvent, openSite, QUICK, signal, type Site } from './site.js';

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

/** A worker in another process, as it were, that has looked for work and found none. */
async function idle({ ledger, start, open }: Site, jobs: readonly RunnableJob[]): Promise<void> {
  const probe = job('probe', () => null);
  await start({ jobs: [probe, ...jobs], pollIntervalMs: POLL_MS }, await open());
  const { id } = await ledger.enqueue(probe, 1);
  await inState(ledger, id, 'succeeded');
}

const ONCE_MORE: readonly (readonly [string, EnqueueOptions, boolean])[] = [
  ['alone, with a key', { unique: { key: 'once more' } }, false],
  ['in an atomic list', {}, true],
];

test.each(ONCE_MORE)(
  'a job that was in although nobody was told so is heard of: %s',
  async (name, options, atomic) => {
    const site = await openSite();
    const runnable = job(`unheard ${name}`, () => null);
    await idle(site, [runnable]);
    const proxy = await startProxy(site.url);
    const ledger = await site.open({ database: proxy.url });
    const cut = proxy.cutCommitAfter(runnable.kind);
    const item = { job: runnable, payload: 1, ...options };
    const [made] = await ledger.enqueueMany([item], { atomic });
    await cut;
    expect(made).toMatchObject({ created: true });
    await inState(site.ledger, made!.id, 'succeeded');
  },
);

test('what a worker gives back as it stops is heard by one that is idle', async () => {
  const site = await openSite();
  const began = signal();
  const holds = job('holds', async (_, context) => {
    began.resolve();
    await aborted(context);
    throw new Error('stopped');
  });
  const stopping = await site.start({ jobs: [holds] }, await site.open());
  const { id } = await site.ledger.enqueue(holds, 1);
  await began.promise;
  await idle(site, [job('holds', () => null)]);
  await stopping.stop({ graceMs: 0 });
  expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ attempt: 2, counted: 1 });
});

test('what a claim took without an answer is heard of once it is given back', async () => {
  const { url, ledger, start, open } = await openSite();
  const proxy = await startProxy(url);
  const runnable = job('claimed', () => null);
  const options = { jobs: [runnable], pollIntervalMs: POLL_MS };
  await start(options, await open({ database: proxy.url }));
  const cut = proxy.cutCommitAfter('jl_claim_');
  const { id } = await ledger.enqueue(runnable, 1);
  await cut;
  expect(await inState(ledger, id, 'succeeded')).toMatchObject({ attempt: 2, counted: 1 });
});

test('what a dead worker had is heard by one that is idle', async () => {
  const site = await openSite();
  const retry = { type: 'fixed', baseMs: 0, jitter: 'none' } as const;
  const args = [{ url: site.url, kinds: ['hold'], worker: { ...QUICK, maintenance: false } }];
  const doomed = startChild('worker.mjs', { args: args.map((one) => JSON.stringify(one)) });
  await doomed.waitForLine('ready');
  const { id } = await site.ledger.enqueue('hold', 1, { retry });
  await doomed.waitForLine('began');
  await idle(site, [job('hold', () => null)]);
  await doomed.kill();
  expect(await inState(site.ledger, id, 'succeeded')).toMatchObject({ attempt: 2, counted: 2 });
});

test('what an operator brings back is heard by a worker that is idle', async () => {
  const site = await openSite();
  const by = { actor: 'ada', reason: 'test' };
  const runnable = job('again', (_, { attempt }) => {
    if (attempt === 1) throw new Error('not yet');
  });
  const later = job('later', () => null);
  await idle(site, [runnable, later]);
  const { id } = await site.ledger.enqueue(runnable, 1, { maxAttempts: 1 });
  await inState(site.ledger, id, 'failed');
  await site.ledger.retry(id, by);
  await inState(site.ledger, id, 'succeeded');
  const waiting = await site.ledger.enqueue(later, 1, { delay: 3_600_000 });
  await site.ledger.reschedule(waiting.id, { ...by, runAt: new Date() });
  await inState(site.ledger, waiting.id, 'succeeded');
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
