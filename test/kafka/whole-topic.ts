import type { Kafka, KafkaMessage } from 'kafkajs';
import { eventually } from '../support/eventually.js';
import { ownName } from '../support/kafka.js';

/** A record as a client that knows nothing of jobledger finds it. */
export interface TopicRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

/**
 * All that is committed in a topic, by partition and in order, read by kafkajs's own consumer. It
 * ends each partition with a record of its own, so that a duplicate behind the last event is seen
 * too: nothing can be published to the topic after that.
 */
export async function readWholeTopic(
  kafka: Kafka,
  topic: string,
  partitions: number,
): Promise<readonly (readonly TopicRecord[])[]> {
  await endPartitions(kafka, topic, partitions);
  const found: TopicRecord[][] = Array.from({ length: partitions }, () => []);
  const open = new Set(found.keys());
  const consumer = kafka.consumer({ groupId: ownName('whole') });
  await consumer.connect();
  try {
    await consumer.subscribe({ topic, fromBeginning: true });
    await consumer.run({
      eachMessage: ({ partition, message }) => {
        if (message.key?.toString() === END) open.delete(partition);
        else found[partition]!.push(toRecord(message));
        return Promise.resolve();
      },
    });
    await eventually(() => open.size === 0, { timeoutMs: 60_000, everyMs: 50 });
    return found;
  } finally {
    await consumer.disconnect();
  }
}

const END = 'end-of-partition';

async function endPartitions(kafka: Kafka, topic: string, partitions: number): Promise<void> {
  const producer = kafka.producer();
  await producer.connect();
  try {
    const messages = Array.from({ length: partitions }, (_, partition) => ({
      ...{ partition, key: END, value: '' },
    }));
    await producer.send({ topic, messages });
  } finally {
    await producer.disconnect();
  }
}

function toRecord({ key, value, headers, timestamp }: KafkaMessage): TopicRecord {
  const texts = Object.entries(headers ?? {}).map(([name, text]) => [name, String(text)]);
  return {
    ...{ key: String(key), value: String(value), timestampMs: Number(timestamp) },
    headers: Object.fromEntries(texts) as Record<string, string>,
  };
}
