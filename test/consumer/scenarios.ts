import { expect } from 'vitest';
import type { EventHandler } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { signal } from '../worker/site.js';
import { byPartition, caughtUp, expectAll, record, type Scene } from './scene.js';

/** What a consumer promises, from whatever source: a test file of each runs them all. */
export interface Scenario {
  readonly title: string;
  readonly run: (open: () => Promise<Scene>) => Promise<void>;
}

export const SCENARIOS: Scenario[] = [];

function scenario(title: string, run: Scenario['run']): void {
  SCENARIOS.push({ title, run });
}

scenario('every event takes effect once and in order, those that come later too', async (open) => {
  const scene = await open();
  await scene.enqueue(50);
  const consumer = await scene.consume();
  await consumer.start();
  await consumer.start();
  await caughtUp(consumer);
  await scene.enqueue(7);
  await caughtUp(consumer);
  expect(await scene.applied()).toHaveLength(57);
  await expectAll(scene);
});

scenario('a member that comes later goes on where the group was', async (open) => {
  const scene = await open();
  await scene.enqueue(20);
  const first = await scene.consume();
  await first.start();
  await caughtUp(first);
  await first.stop();
  await first.stop();
  await scene.enqueue(20);
  const second = await scene.consume();
  await second.start();
  await caughtUp(second);
  await expectAll(scene);
});

scenario('two members share the partitions, and one takes over from the other', async (open) => {
  const scene = await open();
  const doers = new Set<string>();
  const member = (name: string): EventHandler => {
    return async (event, context) => {
      doers.add(`${name} ${event.partition}`);
      await record(event, context);
    };
  };
  await scene.enqueue(4);
  const one = await scene.consume({ handler: member('one') });
  const two = await scene.consume({ handler: member('two') });
  await one.start();
  await two.start();
  await eventually(
    async () => {
      await scene.enqueue(4);
      expect(['one', 'two'].map((name) => [...doers].some((doer) => doer.includes(name)))).toEqual([
        true,
        true,
      ]);
    },
    { timeoutMs: 25_000, everyMs: 200 },
  );
  await one.stop();
  await scene.enqueue(10);
  await caughtUp(two, 25_000);
  await expectAll(scene);
});

scenario('each group gets all events, and only those that it wants', async (open) => {
  const scene = await open();
  await scene.enqueue(30);
  const all = await scene.consume();
  const some = await scene.consume({ group: 'some', kinds: ['k1'], types: ['JobEnqueued'] });
  await Promise.all([all.start(), some.start()]);
  await Promise.all([caughtUp(all), caughtUp(some)]);
  expect(await scene.applied()).toHaveLength(30 + 10);
  expect(await some.status()).toMatchObject([{ position: 15 }, { position: 15 }]);
});

scenario(
  'an event that fails is tried again, then parked, and those of its job behind it',
  async (open) => {
    const scene = await open();
    const [bad] = await scene.enqueue(20);
    let isMended = false;
    const attempts: number[] = [];
    const consumer = await scene.consume({
      maxAttempts: 3,
      backoff: { baseMs: 1 },
      handler: async (event, context) => {
        await record(event, context);
        if (event.streamId !== bad || isMended) return;
        attempts.push(context.attempt);
        throw new Error('no such customer');
      },
    });
    await consumer.start();
    await caughtUp(consumer);
    await scene.ledger.cancel(bad!, { actor: 'ada', reason: 'sent twice' });
    await scene.publish();
    await caughtUp(consumer);
    expect(attempts).toEqual([1, 2, 3]);
    expect(await scene.applied()).toHaveLength(19);
    const parked = await consumer.parked();
    expect(parked).toMatchObject([
      {
        jobId: bad,
        type: 'JobEnqueued',
        attempts: 3,
        error: expect.stringContaining('no such customer'),
      },
      { jobId: bad, type: 'JobCanceled', attempts: 0, error: null },
    ]);
    expect((await consumer.status()).map((one) => one.parked)).toContain(2);
    expect(await consumer.unpark()).toEqual({ applied: 0, failed: [bad] });
    isMended = true;
    expect(await consumer.unpark({ jobId: bad! })).toEqual({ applied: 2, failed: [] });
    expect(await consumer.parked()).toEqual([]);
    const effects = await scene.effects<{ type: string }>(
      'select type from effects where job_id = $1 order by turn',
      [bad],
    );
    expect(effects).toEqual([{ type: 'JobEnqueued' }, { type: 'JobCanceled' }]);
    expect((await consumer.status()).map((one) => one.parked)).toEqual([0, 0]);
  },
);

scenario('what a commit refuses parks the event at fault and no other', async (open) => {
  const scene = await open();
  await scene.effects(`create table late(job_id text unique deferrable initially deferred)`);
  const [bad] = await scene.enqueue(20);
  await scene.effects('insert into late values ($1)', [bad]);
  const consumer = await scene.consume({
    maxAttempts: 2,
    backoff: { baseMs: 1 },
    handler: async (event, context) => {
      await record(event, context);
      await context.transaction.query('insert into late values ($1)', [event.streamId]);
    },
  });
  await consumer.start();
  await caughtUp(consumer);
  expect(await consumer.parked()).toMatchObject([{ jobId: bad, attempts: 2 }]);
  expect(await scene.applied()).toHaveLength(19);
});

scenario(
  'a new group begins at the end, at a time, or behind positions, as it says',
  async (open) => {
    const scene = await open();
    await scene.enqueue(10);
    const [{ at }] = (await scene.sql<{ at: string }>(
      `select to_char(clock_timestamp() at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at`,
    )) as [{ at: string }];
    const end = await scene.consume({ group: 'end', from: 'end', handler: () => undefined });
    await end.status();
    await scene.enqueue(6);
    const time = await scene.consume({ group: 'time', from: { at } });
    const place = await scene.consume({ group: 'place', from: { positions: { 1: 6 } } });
    for (const consumer of [end, time, place]) await consumer.start();
    for (const consumer of [end, time, place]) await caughtUp(consumer);
    const applied = byPartition(await scene.applied()).map(
      ({ partition, position }) => `${partition}/${position}`,
    );
    const range = (partition: number, from: number) =>
      Array.from({ length: 9 - from }, (_, at) => `${partition}/${from + at}`);
    expect(applied.toSorted()).toEqual(
      [...range(0, 6), ...range(1, 6), ...range(0, 1), ...range(1, 7)].toSorted(),
    );
    expect((await end.status()).map(({ position }) => position)).toEqual([8, 8]);
  },
);

scenario('seek has a running group go back, or on, and parked events come again', async (open) => {
  const scene = await open();
  const [bad] = await scene.enqueue(10);
  let isMended = false;
  const consumer = await scene.consume({
    maxAttempts: 1,
    handler: async (event, context) => {
      if (event.streamId === bad && !isMended) throw new Error('not yet');
      await record(event, context);
    },
  });
  await consumer.start();
  await caughtUp(consumer);
  expect(await consumer.parked()).toHaveLength(1);
  isMended = true;
  await scene.effects('truncate effects');
  await consumer.seek('start');
  await caughtUp(consumer);
  await expectAll(scene);
  expect(await consumer.parked()).toEqual([]);
  await consumer.seek({ positions: { 1: 4 } });
  await eventually(async () => expect(await scene.applied()).toHaveLength(11));
  await consumer.seek({ positions: { 0: 1_000 } });
  expect(await consumer.status()).toMatchObject([{ position: 1_000, lagEvents: 0 }, {}]);
});

scenario(
  'a handler that does not end is told so, then tried again without its connection',
  async (open) => {
    const scene = await open();
    await scene.enqueue(2);
    const reasons: unknown[] = [];
    const consumer = await scene.consume({
      timeoutMs: 100,
      backoff: { baseMs: 1 },
      handler: async (event, context) => {
        await record(event, context);
        if (context.attempt > 1 || event.partition === 1) return;
        context.signal.addEventListener('abort', () => reasons.push(context.signal.reason));
        await new Promise(() => {});
      },
    });
    await consumer.start();
    await caughtUp(consumer);
    expect(reasons).toEqual(['timeout']);
    await expectAll(scene);
  },
);

scenario('stop waits for the event in hand, and keeps what it did', async (open) => {
  const scene = await open();
  await scene.enqueue(40);
  const begun = signal();
  const goOn = signal();
  const consumer = await scene.consume({
    handler: async (event, context) => {
      await record(event, context);
      begun.resolve();
      await goOn.promise;
    },
  });
  await consumer.start();
  await begun.promise;
  const stopped = consumer.stop();
  goOn.resolve();
  await stopped;
  expect((await scene.applied()).length).toBeLessThan(40);
  const next = await scene.consume();
  await next.start();
  await caughtUp(next);
  await expectAll(scene);
});
