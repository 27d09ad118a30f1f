import fc from 'fast-check';
import { defineJob, restoreLedger } from 'jobledger';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { eventually } from '../support/eventually.js';
import { ownName, sharedBrokers } from '../support/kafka.js';
import { ledgerSite } from '../support/ledger.js';
import { fuzz, step, takeAll } from '../ledger/random-steps.js';
import { emptyPlace, newPlace } from './place.js';
import { expectDispatch, expectSameLog, identityOf, publish } from './restoring.js';

const ran: string[] = [];
const note = defineJob({
  kind: 'note',
  payload: z.string(),
  handle: (payload) => void ran.push(payload),
});

test('an empty database becomes the ledger of the topic, and its jobs go on', async (context) => {
  const kafka = { brokers: sharedBrokers(context), topic: ownName('restore') };
  const lost = await newPlace();
  const { id } = await lost.use(async (ledger) => {
    const made = await ledger.enqueue(note, 'waits', { unique: { key: 'one' } });
    await ledger.enqueue(note, 'later', { delay: 3_600_000 });
    await publish(ledger, kafka.brokers, kafka.topic);
    return made;
  });
  const place = await emptyPlace();
  const restored = await restoreLedger({ database: place.url, kafka, logger: false });
  expect(restored).toMatchObject({ events: 2, taken: 2, repair: { left: [] } });
  expect(restored.repair.verification).toMatchObject({ verified: true, events: 2, jobs: 2 });
  await expectSameLog(lost, place);
  expect(await identityOf(place)).toEqual(await identityOf(lost));
  await place.use(async (ledger) => {
    const again = await ledger.enqueue(note, 'twice', { unique: { key: 'one' } });
    expect(again).toMatchObject({ id, created: false });
    await ledger.worker({ jobs: [note] }).start();
    await eventually(async () => expect((await ledger.get(id))?.state).toBe('succeeded'));
    expect(ran).toEqual(['waits']);
    expect(await ledger.verify({ kafka })).toMatchObject({ verified: true });
    // What it has written since follows on what the topic has.
    expect(await publish(ledger, kafka.brokers, kafka.topic)).toBeGreaterThan(1);
    const { kafka: agreed } = await ledger.verify({ kafka });
    expect(agreed).toMatchObject({ verified: true, lagEvents: 0 });
  });
});

const site = await ledgerSite();

test('whatever was done to jobs, the log is restored byte for byte and the dispatch tables with it', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('random');
  const ledger = await site.open({ jobs: [fuzz] });
  const lanes = fc.array(fc.array(step, { minLength: 15, maxLength: 25 }), {
    minLength: 4,
    maxLength: 4,
  });
  for (const given of fc.sample(lanes, 4)) {
    const worker = ledger.worker({ jobs: [fuzz], concurrency: 3, shutdownGraceMs: 0 });
    await worker.start();
    await takeAll(site, ledger, given);
    await worker.stop();
    await publish(ledger, brokers, topic);
  }
  await ledger.close();
  const place = await emptyPlace();
  const { repair } = await restoreLedger({ database: place.url, kafka: { brokers, topic } });
  expect(repair).toMatchObject({ left: [], verification: { verified: true } });
  await expectSameLog(site, place);
  await expectDispatch(place);
  await place.use(
    async (restored) => {
      await restored.worker({ jobs: [fuzz] }).start();
      await eventually(
        async () => {
          const { states } = await restored.stats();
          expect(states.available + states.running + states.retrying).toBe(0);
        },
        { timeoutMs: 30_000 },
      );
      expect(await restored.verify()).toMatchObject({ verified: true });
    },
    { jobs: [fuzz] },
  );
});

test('a job that ran when the store was lost is taken for lost, and runs again under a new worker', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('running');
  const runs: number[] = [];
  const lost = await newPlace();
  let ends = () => {};
  const slow = defineJob({
    kind: 'slow',
    payload: z.null(),
    retry: { type: 'fixed', baseMs: 0, jitter: 'none' },
    handle: async (_, { attempt }) => {
      runs.push(attempt);
      if (attempt === 1) await new Promise<void>((resolve) => (ends = resolve));
    },
  });
  const { id, worker } = await lost.use(async (ledger) => {
    const made = await ledger.enqueue(slow, null);
    const first = ledger.worker({ jobs: [slow] });
    await first.start();
    await eventually(() => expect(runs).toEqual([1]));
    await publish(ledger, brokers, topic);
    ends();
    return { ...made, worker: first.id! };
  });
  const place = await newPlace();
  const { repair } = await restoreLedger({ database: place.url, kafka: { brokers, topic } });
  expect(repair.tables).toMatchObject({ leases: { add: 1 }, workers: { add: 1 } });
  await place.use(async (ledger) => {
    const second = ledger.worker({ jobs: [slow] });
    await second.start();
    expect(second.id).toBeGreaterThan(worker);
    await eventually(async () => expect((await ledger.get(id))?.state).toBe('succeeded'));
    const types = (await ledger.history(id)).map(({ type }) => type);
    expect(types).toEqual([
      ...['JobEnqueued', 'AttemptStarted', 'AttemptLost'],
      ...['AttemptStarted', 'AttemptSucceeded'],
    ]);
  });
  expect(runs).toEqual([1, 2]);
});

test('a ledger that has events, and a topic that is not there or another one, are refused', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('refused');
  const one = await newPlace();
  const other = await newPlace();
  for (const place of [one, other])
    await place.use(async (ledger) => void (await ledger.enqueue(note, 'mine')));
  await one.use((ledger) => publish(ledger, brokers, topic));
  const restore = (url: string, more = {}) =>
    restoreLedger({ database: url, kafka: { brokers, topic }, logger: false, ...more });
  await expect(restore(one.url)).rejects.toMatchObject({ code: 'LEDGER_NOT_EMPTY' });
  await expect(restore(other.url, { tail: true })).rejects.toMatchObject({ code: 'OTHER_LEDGER' });
  await expect(
    restore(one.url, { kafka: { brokers, topic: ownName('nowhere') } }),
  ).rejects.toMatchObject({ code: 'BAD_TOPIC' });
  const few = await newPlace(3);
  await expect(restore(few.url)).rejects.toThrow(
    'it has 4 partitions, the ledger of this schema 3',
  );
  for (const place of [one, other])
    expect(await identityOf(place)).toMatchObject({ role: 'primary' });
});
