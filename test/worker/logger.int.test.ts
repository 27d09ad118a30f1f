import { expect, test } from 'vitest';
import type { Log } from '../../src/index.js';
import { inState, job, openSite, signal } from './site.js';

function throwing(): never {
  throw new Error('the log is full');
}

/** Loggers that fail in each way that they can. */
const LOGGERS: readonly (readonly [string, Log])[] = [
  [
    'throws at every call',
    {
      ...{ debug: throwing, info: throwing, warn: throwing, error: throwing },
      ...{ child: throwing, isLevelEnabled: throwing },
    },
  ],
  ['answers with rejections', every(() => Promise.reject(new Error('the log is away')))],
  ['has no children', { ...every(() => undefined), child: () => undefined as unknown as Log }],
];

function every(write: () => unknown): Log {
  const log: Log = { debug: write, info: write, warn: write, error: write, child: () => log };
  return log;
}

test.each(LOGGERS)('a logger that %s strands no attempt', async (_, logger) => {
  const { ledger, start } = await openSite({ ledger: { logger } });
  const began = signal();
  const jobs = {
    succeeds: job('succeeds', (__, { log }) => {
      log.child({ more: 1 }).info({ fields: 1 }, 'said by the handler');
      log.warn('text alone');
    }),
    fails: job('fails', () => throwing()),
    later: job('later', (__, { attempt, snooze }) => (attempt === 1 ? snooze(1) : undefined)),
    canceled: job('canceled', async (__, { signal: aborted }) => {
      began.resolve();
      await new Promise((resolve) => aborted.addEventListener('abort', resolve));
      throw new Error('stopped');
    }),
  };
  const onTransition = throwing;
  await start({ jobs: Object.values(jobs), onTransition });
  const enqueue = async (kind: keyof typeof jobs) =>
    (await ledger.enqueue(jobs[kind], {}, { maxAttempts: 2 })).id;
  const waiting = await enqueue('canceled');
  await began.promise;
  await ledger.cancel(waiting, { actor: 'ada', reason: 'test' });
  const [ok, bad, later] = await Promise.all(
    (['succeeds', 'fails', 'later'] as const).map((kind) => enqueue(kind)),
  );
  await inState(ledger, ok!, 'succeeded');
  expect(await inState(ledger, bad!, 'failed')).toMatchObject({ attempt: 2 });
  expect(await inState(ledger, later!, 'succeeded')).toMatchObject({ attempt: 2 });
  await inState(ledger, waiting, 'canceled');
});
