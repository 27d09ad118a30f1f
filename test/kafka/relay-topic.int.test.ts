import { expect, test, type TestContext } from 'vitest';
import { migrateDatabase } from '../../src/open-ledger.js';
import { kafkaClient, ownName, sharedBrokers } from '../support/kafka.js';
import { ledgerSite } from '../support/ledger.js';
import { appendEvents } from './append.js';
import { catchUp } from './catch-up.js';
import { expectedRecords } from './expected-records.js';
import { makeTopicWith, type TopicPlan } from './make-topic.js';
import { readWholeTopic } from './whole-topic.js';

const site = await ledgerSite();
// Not a copy of the run's template, which would be the same ledger.
const other = await ledgerSite({ empty: true });
await migrateDatabase({ database: other.database.url });
const PARTITIONS = 16;
const KEPT = { 'cleanup.policy': 'delete', 'retention.ms': '-1', 'retention.bytes': '-1' };

test.for([
  [
    'another number of partitions',
    { partitions: 4, settings: KEPT },
    `expected ${PARTITIONS} partitions, as the ledger has, got 4`,
  ],
  [
    'compaction',
    { partitions: PARTITIONS, settings: { ...KEPT, 'cleanup.policy': 'compact' } },
    'expected cleanup.policy=delete, got compact',
  ],
  [
    'a finite retention by time',
    { partitions: PARTITIONS, settings: { ...KEPT, 'retention.ms': '604800000' } },
    'expected retention.ms=-1, got 604800000',
  ],
  [
    'a finite retention by bytes',
    { partitions: PARTITIONS, settings: { ...KEPT, 'retention.bytes': '1000000' } },
    'expected retention.bytes=-1, got 1000000',
  ],
] as const)(
  'a topic with %s is refused, and nothing is sent to it',
  async ([, plan, problem], context) => {
    const { brokers, kafka, topic } = await topicOf(context, plan);
    const relay = (await site.open()).relay({ kafka: { brokers, topic } });
    await appendEvents(site, 0, [{ data: '{}' }]);
    const refused = { code: 'BAD_TOPIC', message: expect.stringContaining(problem) as string };
    await expect(relay.start()).rejects.toMatchObject(refused);
    await expect(relay.catchUp()).rejects.toMatchObject(refused);
    await relay.stop();
    expect((await readWholeTopic(kafka, topic, plan.partitions)).flat()).toEqual([]);
  },
);

test('a topic that forgets is taken if it may, a compacted one is not', async (context) => {
  const settings = { ...KEPT, 'retention.ms': '604800000' };
  const { brokers, kafka, topic } = await topicOf(context, { partitions: PARTITIONS, settings });
  const ledger = await site.open();
  await appendEvents(site, 0, [{ data: '{}' }]);
  const relay = ledger.relay({ kafka: { brokers, topic }, mayForget: true });
  await relay.catchUp();
  await relay.stop();
  const found = await readWholeTopic(kafka, topic, PARTITIONS);
  expect(found).toEqual(await expectedRecords(site, PARTITIONS));

  const compacted = await topicOf(context, {
    partitions: PARTITIONS,
    settings: { ...settings, 'cleanup.policy': 'compact' },
  });
  const refused = ledger.relay({ kafka: compacted, mayForget: true });
  await expect(refused.catchUp()).rejects.toMatchObject({ code: 'BAD_TOPIC' });
  await refused.stop();
});

test('a topic that another ledger has published to is refused, and nothing is added', async (context) => {
  const { brokers, kafka, topic } = await topicOf(context, {
    partitions: PARTITIONS,
    settings: KEPT,
  });
  await appendEvents(site, 5, [{ data: '{}' }]);
  await appendEvents(other, 5, [{ data: '{}' }, { data: '{}' }]);
  await catchUp(await site.open(), { brokers, topic });
  const relay = (await other.open()).relay({ kafka: { brokers, topic } });
  await expect(relay.catchUp()).rejects.toMatchObject({ code: 'OTHER_LEDGER' });
  await relay.stop();
  const found = await readWholeTopic(kafka, topic, PARTITIONS);
  expect(found).toEqual(await expectedRecords(site, PARTITIONS));
});

async function topicOf(context: TestContext, plan: TopicPlan) {
  const brokers = sharedBrokers(context);
  const kafka = kafkaClient(brokers);
  const topic = ownName('refused');
  await makeTopicWith(kafka, topic, plan);
  return { brokers, kafka, topic };
}
