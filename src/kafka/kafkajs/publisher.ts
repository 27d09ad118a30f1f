import type { Kafka } from 'kafkajs';
import type { NewRecord, Publisher } from '../client.js';
import { asked } from './broker-error.js';
import { loadInternals, openCluster, type Broker, type Cluster } from './internals.js';
import { BUSY, MOVED, patiently } from './patience.js';
import { produceRequest } from './produce-request.js';
import type { Sender } from './record-batch.js';

/** How long a transaction may stay open before the broker undoes it, in milliseconds. */
const TRANSACTION_TIMEOUT_MS = 30_000;

/**
 * A transactional producer on kafkajs's connections and requests. Its own producer keeps its sequence
 * numbers over errors, and so may use one twice; this one stops at the first error and is never used
 * again. Nothing is sent twice by it: a request is repeated only where the answer says that nothing was
 * done.
 */
export class KafkajsPublisher implements Publisher {
  readonly #kafka: Kafka;
  readonly #transactionalId: string;
  #cluster: Cluster | undefined;
  #coordinator: Broker | undefined;
  #sender: Sender | undefined;

  constructor(kafka: Kafka, transactionalId: string) {
    this.#kafka = kafka;
    this.#transactionalId = transactionalId;
  }

  /** A new producer id for the transactional id is what shuts the predecessor out. */
  takeOver(): Promise<void> {
    return asked(() => this.#takeOver());
  }

  publish(topic: string, partition: number, records: readonly NewRecord[]): Promise<void> {
    return asked(() => this.#publish(topic, partition, records));
  }

  async close(): Promise<void> {
    const cluster = this.#cluster;
    this.#cluster = undefined;
    await cluster?.disconnect().catch(() => {});
  }

  async #takeOver(): Promise<void> {
    this.#cluster = await openCluster(this.#kafka);
    const cluster = this.#cluster;
    const transactionalId = this.#transactionalId;
    const { producerId, producerEpoch } = await patiently(BUSY, async () => {
      this.#coordinator = await cluster.findGroupCoordinator({
        ...{ groupId: transactionalId, coordinatorType: TRANSACTION },
      });
      return this.#coordinator.initProducerId({
        ...{ transactionalId, transactionTimeout: TRANSACTION_TIMEOUT_MS },
      });
    });
    this.#sender = { producerId: BigInt(producerId), producerEpoch, sequence: 0 };
  }

  async #publish(topic: string, partition: number, records: readonly NewRecord[]): Promise<void> {
    const sender = this.#sender!;
    const destination = { transactionalId: this.#transactionalId, topic, partition };
    const { crc32C, produceResponse: response } = loadInternals();
    const begun = this.#begin(topic, partition);
    begun.catch(() => {});
    const request = produceRequest(destination, records, sender, crc32C);
    await begun;
    const send = async () => {
      const leader = await this.#leaderOf(topic, partition);
      await leader.connectionPool.send({ request, response });
    };
    await patiently(MOVED, send, async () => this.#cluster?.refreshMetadata());
    await this.#commit();
    this.#sender = { ...sender, sequence: (sender.sequence + records.length) % SEQUENCES };
  }

  /** The marks of the transaction before may still be on their way: then the coordinator says so. */
  async #begin(topic: string, partition: number): Promise<void> {
    const topics = [{ topic, partitions: [partition] }];
    await patiently(BUSY_OR_MOVED, () =>
      this.#coordinator!.addPartitionsToTxn({ ...this.#identity(), topics }),
    );
  }

  async #leaderOf(topic: string, partition: number): Promise<Broker> {
    const cluster = this.#cluster;
    if (cluster === undefined) throw new Error('the publisher was closed');
    await cluster.addTargetTopic(topic);
    const leaders = cluster.findLeaderForPartitions(topic, [partition]);
    return cluster.findBroker({ nodeId: Object.keys(leaders)[0]! });
  }

  async #commit(): Promise<void> {
    await this.#coordinator!.endTxn({ ...this.#identity(), transactionResult: true });
  }

  #identity() {
    const { producerId, producerEpoch } = this.#sender!;
    return {
      ...{ transactionalId: this.#transactionalId, producerId: String(producerId), producerEpoch },
    };
  }
}

const BUSY_OR_MOVED = new Set([...BUSY, ...MOVED]);
/** Kafka's number for coordinators of transactions. */
const TRANSACTION = 1;
/** Sequence numbers begin again behind the largest integer of 32 bits. */
const SEQUENCES = 2 ** 31;
