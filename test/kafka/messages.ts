import type { Kafka } from 'kafkajs';
import { kafkaClient, ownName } from '../support/kafka.js';

/** Makes a topic of one partition. */
export async function makeTopic(kafka: Kafka, topic: string): Promise<void> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] });
  } finally {
    await admin.disconnect();
  }
}

export async function topicsOf(brokers: string): Promise<readonly string[]> {
  const admin = kafkaClient([brokers]).admin();
  await admin.connect();
  try {
    return await admin.listTopics();
  } finally {
    await admin.disconnect();
  }
}

/** Sends one message, keyed and with a header, and commits or aborts it. */
export async function sendInTransaction(
  kafka: Kafka,
  topic: string,
  value: string,
  end: 'commit' | 'abort' = 'commit',
): Promise<void> {
  const producer = kafka.producer({
    transactionalId: ownName('transaction'),
    idempotent: true,
    maxInFlightRequests: 1,
  });
  await producer.connect();
  try {
    const transaction = await producer.transaction();
    await transaction.send({ topic, messages: [{ key: 'a-key', value, headers: { a: 'b' } }] });
    await transaction[end]();
  } finally {
    await producer.disconnect();
  }
}

/** The values of a topic's first messages, as a reader of what is committed finds them. */
export async function readFirst(
  kafka: Kafka,
  topic: string,
  count: number,
): Promise<readonly string[]> {
  const consumer = kafka.consumer({ groupId: ownName('group') });
  await consumer.connect();
  const values: string[] = [];
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await new Promise<void>((resolve, reject) => {
      // While the group's coordinator loads, kafkajs starts the consumer anew.
      consumer.on('consumer.crash', ({ payload }) => {
        if (!payload.restart) reject(payload.error);
      });
      const eachMessage = ({ message }: { message: { value: Buffer | null } }): Promise<void> => {
        values.push(String(message.value));
        if (values.length === count) resolve();
        return Promise.resolve();
      };
      consumer.run({ eachMessage }).catch(reject);
    });
    return values;
  } finally {
    await consumer.disconnect();
  }
}
