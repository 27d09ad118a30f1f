import { expect, test } from 'vitest';
import type { HandlerContext } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { aborted, inState, job, sharedSite, signal } from './site.js';

const shared = sharedSite();

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
