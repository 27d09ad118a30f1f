import type { Admin, Kafka } from 'kafkajs';
import { eventually } from '../support/eventually.js';

/** A topic as somebody else has made it. */
export interface TopicPlan {
  readonly partitions: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** Makes a topic and resolves when every partition can be asked for its offsets. */
export async function makeTopicWith(
  kafka: Kafka,
  topic: string,
  { partitions, settings }: TopicPlan,
): Promise<void> {
  const configEntries = Object.entries(settings).map(([name, value]) => ({ name, value }));
  await asAdmin(kafka, (admin) =>
    admin.createTopics({
      waitForLeaders: false, // kafkajs gives up where the broker does not know the topic yet
      topics: [{ topic, numPartitions: partitions, configEntries }],
    }),
  );
  await eventually(() => asAdmin(kafka, (admin) => admin.fetchTopicOffsets(topic)), {
    everyMs: 100,
  });
}

async function asAdmin<T>(kafka: Kafka, ask: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = kafka.admin();
  await admin.connect();
  try {
    return await ask(admin);
  } finally {
    await admin.disconnect();
  }
}
