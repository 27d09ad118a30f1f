import { randomUUID } from 'node:crypto';
import { expect, onTestFinished, test, type TestContext } from 'vitest';
import { connectKafka } from '../../src/kafka/kafkajs/connect.js';
import { kafkaSettings } from '../../src/kafka/settings.js';
import { toRecord } from '../../src/kafka/record.js';
import { readTexts } from '../../src/kafka/read-texts.js';
import { createDatabase, endDatabase } from '../../src/database.js';
import { openStore } from '../../src/ledger/open-store.js';
import { byPartition, caughtUp, expectAll, openScene, type Scene } from '../consumer/scene.js';
import { eventually } from '../support/eventually.js';
import { sharedBrokers } from '../support/kafka.js';
import { SILENT } from '../support/ledger.js';
import { startChild } from '../support/processes.js';
import { fromTopic } from './from-topic.js';

async function site(context: TestContext) {
  const brokers = sharedBrokers(context);
  const origin = fromTopic(brokers);
  const kafka = { brokers, topic: origin.topic };
  return { kafka, origin, scene: await openScene(origin) };
}

/** Publishes what the ledger holds in partition 0, as the test changes it. */
async function publishBy(
  { url }: Scene,
  kafka: { brokers: string[]; topic: string },
  change: (position: number) => { ledgerId?: string; epoch?: number } | undefined,
): Promise<void> {
  const database = createDatabase({ connectionString: url }, { pooler: false, maxConnections: 4 });
  const options = { schema: 'jobledger', log: SILENT, clockShiftMs: () => 0 };
  const store = await openStore(database, options);
  const client = await connectKafka(kafkaSettings(kafka), SILENT);
  onTestFinished(async () => void (await Promise.all([client.close(), endDatabase(database)])));
  await client.createTopic(kafka.topic, { partitions: 2, settings: {} });
  const publisher = client.publisher(randomUUID());
  await publisher.takeOver();
  const { events } = await readTexts(store, 0, 1, 1_000);
  const records = events.flatMap((event) => {
    const origin = change(event.position);
    return origin === undefined
      ? []
      : [toRecord(event, { ledgerId: store.ledgerId, epoch: 1, ...origin })];
  });
  await publisher.publish(kafka.topic, 0, records);
}

test('a service whose database was restored goes back in the topic, wherever its offsets say', async (context) => {
  const { scene } = await site(context);
  await scene.enqueue(60);
  const first = await scene.consume();
  await first.start();
  await caughtUp(first);
  await first.stop();
  for (const resumeAt of ['null', '1', 'resume_at', '1000000000']) {
    await scene.effects('delete from effects where position > 7');
    await scene.effects(
      `update jobledger_consumers.positions set position = 7, resume_at = ${resumeAt}`,
    );
    const again = await scene.consume();
    await again.start();
    await caughtUp(again);
    await again.stop();
    await expectAll(scene);
  }
});

test('a hole in the topic stops a partition, and is filled where the ledger is given', async (context) => {
  const { scene, kafka } = await site(context);
  await scene.ledger.enqueueMany(
    Array.from({ length: 20 }, () => {
      return { job: 'k', payload: 0, id: `${randomUUID().slice(0, 34)}00` };
    }),
  );
  await publishBy(scene, kafka, (position) => (position > 5 && position < 9 ? undefined : {}));
  const alone = await scene.consume();
  await alone.start();
  await eventually(async () =>
    expect((await alone.status())[0]).toMatchObject({
      position: 5,
      trouble: { code: 'EVENT_GAP' },
    }),
  );
  await alone.stop();
  const helped = await scene.consume({ ledger: scene.url });
  await helped.start();
  await caughtUp(helped);
  await expectAll(scene);
  expect((await helped.status())[0]!.trouble).toBeNull();
});

test('a topic with events of another ledger is refused', async (context) => {
  const { scene, kafka } = await site(context);
  await scene.ledger.enqueueMany(
    Array.from({ length: 4 }, () => {
      return { job: 'k', payload: 0, id: `${randomUUID().slice(0, 34)}00` };
    }),
  );
  const foreign = randomUUID();
  await publishBy(scene, kafka, (position) => (position > 2 ? { ledgerId: foreign } : {}));
  const consumer = await scene.consume();
  await consumer.start();
  await eventually(async () =>
    expect((await consumer.status())[0]).toMatchObject({
      position: 2,
      trouble: { code: 'OTHER_LEDGER' },
    }),
  );
  const helped = await scene.consume({ group: 'other', ledger: scene.url, source: 'postgres' });
  await helped.start();
  await caughtUp(helped);
  expect(byPartition(await scene.applied())).toHaveLength(2 + 4);
});

test('members that are killed in mid-batch leave each effect once', async (context) => {
  const { scene, kafka, origin } = await site(context);
  await scene.enqueue(600);
  const args = [scene.own, JSON.stringify(kafka), `${origin.prefix}g`];
  for (let round = 1; round <= 4; round += 1) {
    const member = startChild('consumer.mjs', { args });
    const before = (await scene.applied()).length;
    await eventually(async () => expect((await scene.applied()).length).toBeGreaterThan(before), {
      timeoutMs: 50_000,
    });
    await member.kill();
  }
  const heir = await scene.consume();
  await heir.start();
  await caughtUp(heir, 60_000);
  await expectAll(scene);
}, 300_000);
