import { beginEpoch, defineJob, restoreLedger, type Ledger, type NewEpoch } from 'jobledger';
import { expect, test } from 'vitest';
import { z } from 'zod';
import { ownName, sharedBrokers } from '../support/kafka.js';
import { emptyPlace, newPlace, type Place } from './place.js';
import { expectDispatch, expectSameLog, identityOf, publish, rowsOf } from './restoring.js';

const note = defineJob({ kind: 'note', payload: z.string() });

/** So many that every partition has some. */
const LOST = 24;

async function enqueue(ledger: Ledger, count: number, text: string): Promise<void> {
  for (let n = 0; n < count; n++) await ledger.enqueue(note, `${text} ${n}`);
}

/** A primary that has published everything, and a replica of it that lacks the last jobs. */
async function failover(brokers: string[], topic: string) {
  const primary = await newPlace();
  await primary.use(async (ledger) => {
    await enqueue(ledger, 8, 'kept');
    await publish(ledger, brokers, topic);
  });
  const replica = await primary.copy();
  await primary.use(async (ledger) => {
    await enqueue(ledger, LOST, 'lost');
    await publish(ledger, brokers, topic);
  });
  return { primary, replica };
}

const published = (place: Place, brokers: string[], topic: string) =>
  place.use((ledger) => publish(ledger, brokers, topic));

test('what a failover lost is taken back from the end of the topic', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('tail');
  const { primary, replica } = await failover(brokers, topic);
  const options = {
    database: replica.url,
    kafka: { brokers, topic },
    logger: false as const,
  };
  const restored = await restoreLedger({ ...options, tail: true });
  expect(restored).toMatchObject({ taken: LOST, events: 8 + LOST, repair: { left: [] } });
  await expectSameLog(primary, replica);
  await expectDispatch(replica);
  expect(await identityOf(replica)).toMatchObject({ role: 'primary', epoch: 1 });
  expect(await restoreLedger({ ...options, tail: true })).toMatchObject({
    taken: 0,
    events: 8 + LOST,
  });
  const refused = beginEpoch({ ...options, actor: 'ada', reason: 'why' });
  await expect(refused).rejects.toMatchObject({ code: 'NOT_DIVERGED' });
});

test('a ledger that lost events and wrote others begins a new epoch, and the topic tells its log', async (context) => {
  const brokers = sharedBrokers(context);
  const topic = ownName('epoch');
  const kafka = { brokers, topic };
  const { replica } = await failover(brokers, topic);
  // One partition goes another way, the others only lack what was lost.
  await replica.use((ledger) => enqueue(ledger, 1, 'other'));
  const options = { database: replica.url, kafka, logger: false as const };
  await expect(restoreLedger({ ...options, tail: true })).rejects.toMatchObject({
    code: 'TOPIC_DIVERGED',
  });
  expect(await identityOf(replica)).toMatchObject({ role: 'primary' });
  const { verified, kafka: apart } = await replica.use((ledger) => ledger.verify({ kafka }));
  expect({ verified, apart: apart?.verified }).toEqual({ verified: false, apart: false });
  expect(apart?.differences.map(({ text }) => text).sort()).toEqual([
    expect.stringMatching(/^differs in stream_id, .*data$/),
    ...Array.from({ length: 3 }, () => 'is in the topic and not in the ledger'),
  ]);
  await expect(published(replica, brokers, topic)).rejects.toMatchObject({
    code: expect.stringMatching('TOPIC_DIVERGED|TOPIC_AHEAD'),
  });
  const begun = await beginEpoch({ ...options, actor: 'ada', reason: 'failover' });
  expect(begun).toMatchObject({ epoch: 2, repair: { left: [], verification: { verified: true } } });
  expect(begun.partitions.filter(({ left }) => left > 0)).toHaveLength(1);
  const left = sumOf(begun, 'left');
  expect(sumOf(begun, 'taken')).toBe(LOST - left);
  const all = 8 + 1 + LOST - left;
  await expectDispatch(replica);
  await published(replica, brokers, topic);
  const { kafka: agreed } = await replica.use((ledger) => ledger.verify({ kafka }));
  expect(agreed).toMatchObject({ verified: true, lagEvents: 0, events: all });
  expect(await replica.use((ledger) => ledger.epochs())).toHaveLength(4);
  const place = await emptyPlace();
  await restoreLedger({ ...options, database: place.url });
  await expectSameLog(replica, place);
  expect(await identityOf(place)).toEqual(await identityOf(replica));
  // The restored one goes on where the other was.
  await place.use((ledger) => enqueue(ledger, 4, 'after'));
  await published(place, brokers, topic);
  expect((await place.use((ledger) => ledger.verify({ kafka }))).kafka).toMatchObject({
    verified: true,
    events: all + 4,
  });
  expect(await rowsOf(place)).toHaveLength(all + 4);
});

function sumOf({ partitions }: NewEpoch, name: 'left' | 'taken'): number {
  return partitions.reduce((sum, one) => sum + one[name], 0);
}
