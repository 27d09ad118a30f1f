import type { Kafka, Producer } from 'kafkajs';
import type { NewRecord, Publisher } from '../client.js';

/** How long a transaction may stay open before the broker undoes it, in milliseconds. */
const TRANSACTION_TIMEOUT_MS = 30_000;
/** How long the broker may take for one batch, in milliseconds. */
const ACKNOWLEDGE_MS = 10_000;

/**
 * A transactional producer. kafkajs asks for its producer id at the first transaction, and only that
 * shuts out the predecessor. A producer that has seen an error may use a sequence number twice: it is
 * never used again.
 */
export class KafkajsPublisher implements Publisher {
  readonly #producer: Producer;

  constructor(kafka: Kafka, transactionalId: string) {
    this.#producer = kafka.producer({
      transactionalId,
      transactionTimeout: TRANSACTION_TIMEOUT_MS,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      // Every record says which partition it is for.
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition!,
    });
  }

  async takeOver(): Promise<void> {
    await this.#producer.connect();
    const transaction = await this.#producer.transaction();
    await transaction.abort();
  }

  async publish(topic: string, partition: number, records: readonly NewRecord[]): Promise<void> {
    const transaction = await this.#producer.transaction();
    const messages = records.map(({ key, value, headers, timestampMs }) => {
      return { key, value, headers, partition, timestamp: String(timestampMs) };
    });
    // Not aborted after an error: the take-over that follows does it, whatever state this one is in.
    await transaction.send({ topic, messages, acks: -1, timeout: ACKNOWLEDGE_MS });
    await transaction.commit();
  }

  async close(): Promise<void> {
    await this.#producer.disconnect().catch(() => {});
  }
}
