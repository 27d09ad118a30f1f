import { expect, test } from 'vitest';
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
