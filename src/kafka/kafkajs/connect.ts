import { setTimeout as pause } from 'node:timers/promises';
import type { Admin, Kafka } from 'kafkajs';
import type { KafkaOptions } from '../../api-kafka.js';
import type { Log } from '../../job/define.js';
import type {
  GroupMember,
  KafkaClient,
  Publisher,
  Subscription,
  TopicFacts,
  TopicPlan,
  TopicReader,
} from '../client.js';
import { asked } from './broker-error.js';
import { loadKafka } from './load.js';
import { MOVED, patiently } from './patience.js';
import { KafkajsPublisher } from './publisher.js';
import { KafkajsReader } from './reader.js';
import { KafkajsSubscription } from './subscription.js';

/** The port's answer by kafkajs. Nothing connects before the first request. */
export async function connectKafka(options: KafkaOptions, log: Log): Promise<KafkaClient> {
  return new KafkajsClient(await loadKafka(options, log));
}

class KafkajsClient implements KafkaClient {
  readonly #kafka: Kafka;
  readonly #open = new Set<{ close(): Promise<void> }>();

  constructor(kafka: Kafka) {
    this.#kafka = kafka;
  }

  publisher(transactionalId: string): Publisher {
    return this.#keep(new KafkajsPublisher(this.#kafka, transactionalId));
  }

  reader(topic: string): TopicReader {
    return this.#keep(new KafkajsReader(this.#kafka, topic));
  }

  async subscribe(topic: string, group: string, member: GroupMember): Promise<Subscription> {
    const subscription = this.#keep(new KafkajsSubscription(this.#kafka, topic, group, member));
    try {
      await subscription.open();
      return subscription;
    } catch (error) {
      await subscription.close();
      throw error;
    }
  }

  async describeTopic(topic: string): Promise<TopicFacts | undefined> {
    return this.#asAdmin(async (admin) => {
      if (!(await admin.listTopics()).includes(topic)) return undefined;
      const metadata = () => admin.fetchTopicMetadata({ topics: [topic] });
      const { topics } = await patiently(MOVED, metadata);
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC, name: topic }],
      });
      const settings = resources[0]!.configEntries.map(
        ({ configName, configValue }) => [configName, configValue] as const,
      );
      return { partitions: topics[0]!.partitions.length, settings: new Map(settings) };
    });
  }

  async createTopic(topic: string, { partitions, settings }: TopicPlan): Promise<void> {
    await this.#asAdmin((admin) =>
      admin.createTopics({
        // Its own way to wait takes the first answer of a broker that has not heard of it for an error.
        waitForLeaders: false,
        topics: [
          {
            topic,
            numPartitions: partitions,
            // As many copies as the brokers are set to make.
            replicationFactor: -1,
            configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
          },
        ],
      }),
    );
    await this.#untilThere(topic);
  }

  async close(): Promise<void> {
    await Promise.all([...this.#open].map((one) => one.close()));
  }

  #keep<T extends { close(): Promise<void> }>(opened: T): T {
    const close = opened.close.bind(opened);
    opened.close = async () => {
      this.#open.delete(opened);
      await close();
    };
    this.#open.add(opened);
    return opened;
  }

  /** The brokers hear of a topic one after the other. */
  async #untilThere(topic: string): Promise<void> {
    const until = performance.now() + THERE_MS;
    while ((await this.describeTopic(topic)) === undefined && performance.now() < until)
      await pause(LOOK_MS);
  }

  async #asAdmin<T>(ask: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin();
    return asked(async () => {
      try {
        await admin.connect();
        return await ask(admin);
      } finally {
        await admin.disconnect().catch(() => {});
      }
    });
  }
}

const THERE_MS = 10_000;
const LOOK_MS = 50;
/** Kafka's number for the settings of a topic. */
const TOPIC = 2;
