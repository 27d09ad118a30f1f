import type { Consumer, EachBatchPayload, Kafka } from 'kafkajs';
import type { GroupMember, Subscription } from '../client.js';
import { toRecord } from './to-record.js';

/** A member that has said nothing for so long is gone, in milliseconds. */
const SESSION_MS = 10_000;
/** How long others have to join again when somebody comes or goes, in milliseconds. */
const REJOIN_MS = 15_000;
const HEARTBEAT_MS = 2_000;
/** How long the broker may wait for something new, and how long it takes to heed a `resume`, in milliseconds. */
const WAIT_MS = 100;
const PARTITION_BYTES = 1024 * 1024;

/**
 * A membership by kafkajs. It fetches again only when all of a fetch has been handled, and beats its
 * heart in between: so records are handed over and never waited for, and a full hand is a pause.
 */
export class KafkajsSubscription implements Subscription {
  readonly #consumer: Consumer;
  readonly #topic: string;
  readonly #member: GroupMember;
  #isClosed = false;

  constructor(kafka: Kafka, topic: string, group: string, member: GroupMember) {
    this.#topic = topic;
    this.#member = member;
    this.#consumer = kafka.consumer({
      groupId: group,
      sessionTimeout: SESSION_MS,
      rebalanceTimeout: REJOIN_MS,
      heartbeatInterval: HEARTBEAT_MS,
      maxWaitTimeInMs: WAIT_MS,
      maxBytesPerPartition: PARTITION_BYTES,
      allowAutoTopicCreation: false,
      readUncommitted: false,
      // Whoever subscribed is told, and does it again.
      retry: { initialRetryTime: 100, retries: 5, restartOnFailure: () => Promise.resolve(false) },
    });
  }

  /** Joins; throws if the brokers cannot be reached. */
  async open(): Promise<void> {
    const { GROUP_JOIN, CRASH } = this.#consumer.events;
    this.#consumer.on(GROUP_JOIN, ({ payload }) =>
      this.#assign(payload.memberAssignment[this.#topic] ?? []),
    );
    let joined = false;
    let crashed: Error | undefined;
    this.#consumer.on(CRASH, ({ payload }) => {
      crashed = payload.error;
      if (joined && !this.#isClosed) this.#member.ended(payload.error);
    });
    await this.#consumer.connect();
    await this.#consumer.subscribe({ topic: this.#topic, fromBeginning: true });
    await this.#consumer.run({
      autoCommit: false,
      partitionsConsumedConcurrently: 1,
      eachBatch: (payload) => this.#receive(payload),
    });
    if (crashed !== undefined) throw crashed;
    joined = true;
  }

  readFrom(partition: number, offset: number): void {
    this.#ask(() => {
      this.#consumer.seek({ topic: this.#topic, partition, offset: String(offset) });
      this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }]);
    });
  }

  pause(partition: number): void {
    this.#ask(() => this.#consumer.pause([{ topic: this.#topic, partitions: [partition] }]));
  }

  resume(partition: number): void {
    this.#ask(() => this.#consumer.resume([{ topic: this.#topic, partitions: [partition] }]));
  }

  async commit(offsets: ReadonlyMap<number, number>): Promise<void> {
    if (this.#isClosed || offsets.size === 0) return;
    await this.#consumer.commitOffsets(
      [...offsets].map(([partition, offset]) => {
        return { topic: this.#topic, partition, offset: String(offset) };
      }),
    );
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#consumer.disconnect().catch(() => {});
  }

  /** Told before anything is fetched: kafkajs would begin where it thinks that the group has been. */
  #assign(partitions: readonly number[]): void {
    if (this.#isClosed) return;
    this.#ask(() => this.#consumer.pause([{ topic: this.#topic, partitions: [...partitions] }]));
    this.#member.assigned(new Set(partitions));
  }

  #receive(payload: EachBatchPayload): Promise<void> {
    const { batch } = payload;
    if (!payload.isStale() && !this.#isClosed)
      this.#member.received(batch.partition, batch.messages.map(toRecord));
    return Promise.resolve();
  }

  /** Between a crash and its message there is no group to speak of; what is asked then is asked again. */
  #ask(ask: () => void): void {
    try {
      ask();
    } catch {
      // `ended` follows, or `close` was called.
    }
  }
}
