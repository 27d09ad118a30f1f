import type { Kafka } from 'kafkajs';
import type { Page, ReadOptions, TopicReader } from '../client.js';
import { asked } from './broker-error.js';
import { committedRecords, openCluster, type Broker, type Cluster } from './internals.js';
import { MOVED, patiently } from './patience.js';
import { toRecord } from './to-record.js';

const MAX_BYTES = 8 * 1024 * 1024;

/** Reads without a group: kafkajs has no call for it, so that its own requests are used. */
export class KafkajsReader implements TopicReader {
  readonly #kafka: Kafka;
  readonly #topic: string;
  #opening: Promise<Cluster> | undefined;

  constructor(kafka: Kafka, topic: string) {
    this.#kafka = kafka;
    this.#topic = topic;
  }

  async bounds(partition: number): Promise<{ readonly first: number; readonly end: number }> {
    const [first, end] = await Promise.all(
      [EARLIEST, LATEST].map((time) => this.offsetAt(partition, time)),
    );
    return { first: first!, end: end! };
  }

  async offsetAt(partition: number, timeMs: number): Promise<number> {
    const found = await this.#listOffset(partition, timeMs);
    return found >= 0 || timeMs === LATEST ? found : this.#listOffset(partition, LATEST);
  }

  async read(
    partition: number,
    offset: number,
    { maxBytes = MAX_BYTES, waitMs = 0 }: ReadOptions = {},
  ): Promise<Page> {
    return this.#ask(partition, async (broker) => {
      const partitions = [{ partition, fetchOffset: String(offset), maxBytes }];
      const { responses } = await broker.fetch({
        ...{ isolationLevel: READ_COMMITTED, maxWaitTime: waitMs, minBytes: 1, maxBytes },
        topics: [{ topic: this.#topic, partitions }],
      });
      const answer = responses[0]!.partitions[0]!;
      const { messages, next } = committedRecords(this.#topic, offset, answer);
      return { records: messages.map(toRecord), next };
    });
  }

  async close(): Promise<void> {
    const opening = this.#opening;
    this.#opening = undefined;
    const cluster = await opening?.catch(() => undefined);
    await cluster?.disconnect().catch(() => {});
  }

  #listOffset(partition: number, timeMs: number): Promise<number> {
    return this.#ask(partition, async (broker) => {
      const partitions = [{ partition, timestamp: timeMs }];
      const { responses } = await broker.listOffsets({
        isolationLevel: READ_COMMITTED,
        topics: [{ topic: this.#topic, partitions }],
      });
      return Number(responses[0]!.partitions[0]!.offset);
    });
  }

  async #ask<T>(partition: number, ask: (broker: Broker) => Promise<T>): Promise<T> {
    return asked(async () => {
      try {
        const cluster = await (this.#opening ??= openCluster(this.#kafka));
        const askLeader = async () => ask(await this.#leaderOf(cluster, partition));
        return await patiently(MOVED, askLeader, () => cluster.refreshMetadata());
      } catch (error) {
        // Whatever it was: the next request begins with new connections.
        await this.close();
        throw error;
      }
    });
  }

  async #leaderOf(cluster: Cluster, partition: number): Promise<Broker> {
    await cluster.addTargetTopic(this.#topic);
    const leaders = cluster.findLeaderForPartitions(this.#topic, [partition]);
    return cluster.findBroker({ nodeId: Object.keys(leaders)[0]! });
  }
}

const READ_COMMITTED = 1;
const LATEST = -1;
const EARLIEST = -2;
