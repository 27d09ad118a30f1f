import { expect, test } from 'vitest';
import { printedByKafka } from '../support/console-consumer.js';
import { eventually } from '../support/eventually.js';
import { kafkaClient, ownName, sharedBrokers, startKafka } from '../support/kafka.js';
import { makeTopic, readFirst, sendInTransaction } from './messages.js';

test('the shared broker takes transactions, of which a reader sees what was committed', async (context) => {
  const kafka = kafkaClient(sharedBrokers(context));
  const topic = ownName('broker');
  await makeTopic(kafka, topic);
  await sendInTransaction(kafka, topic, 'aborted', 'abort');
  await sendInTransaction(kafka, topic, 'committed');
  expect(await readFirst(kafka, topic, 1)).toEqual(['committed']);
});

test('a broker that is killed and started again has the same address and all messages', async (context) => {
  const broker = await startKafka(context);
  const kafka = kafkaClient([broker.brokers]);
  const topic = ownName('killed');
  await makeTopic(kafka, topic);
  await sendInTransaction(kafka, topic, 'before');
  await broker.kill();
  await broker.start();
  await eventually(() => sendInTransaction(kafka, topic, 'after'), { timeoutMs: 20_000 });
  expect(await readFirst(kafka, topic, 2)).toEqual(['before', 'after']);
});

test('Kafka’s own console consumer prints partition, headers, key and value', async (context) => {
  const brokers = sharedBrokers(context);
  const kafka = kafkaClient(brokers);
  const topic = ownName('printed');
  await makeTopic(kafka, topic);
  await sendInTransaction(kafka, topic, 'unseen', 'abort');
  await sendInTransaction(kafka, topic, '{"a": 1.0}');
  const lines = await printedByKafka(context, { brokers, topic, count: 1 });
  expect(lines).toEqual(['Partition:0\ta:b\ta-key\t{"a": 1.0}']);
});
