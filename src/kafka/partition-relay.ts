import type { Store } from '../ledger/store.js';
import { inTurn } from '../service.js';
import type { KafkaClient, Publisher, TopicReader } from './client.js';
import { cutBatches } from './cut-batches.js';
import { readTexts } from './read-texts.js';
import { toRecord, type EventText } from './record.js';
import { checkLast, findLastPublished } from './resume.js';

/** Events read at a time. */
const PAGE = 1_500;

/** What the relays of a process share. */
export interface Line {
  readonly store: Store;
  readonly client: KafkaClient;
  readonly reader: TopicReader;
  readonly topic: string;
}

/**
 * Publishes one partition. Nothing it knows survives an error: a new publisher shuts out whoever was
 * there before, itself included, and looks in the topic where to go on. So an acknowledgement that was
 * lost, or an owner that woke up late, does no harm.
 */
export class PartitionRelay {
  readonly partition: number;
  readonly #line: Line;
  #publisher: Publisher | undefined;
  /** The last event that the topic has; undefined if it has none. */
  #last: EventText | undefined;
  #takeovers = 0;

  constructor(line: Line, partition: number) {
    this.#line = line;
    this.partition = partition;
  }

  /** The last position that the topic is known to have. */
  get position(): number {
    return this.#last?.position ?? 0;
  }

  /** How often it has taken over since it was asked last. */
  takeTakeovers(): number {
    const takeovers = this.#takeovers;
    this.#takeovers = 0;
    return takeovers;
  }

  /** Sends a page of what is there; gives how many events it was. Whoever asks meanwhile waits. */
  readonly publish = inTurn(() => this.#publishOnce());

  async #publishOnce(): Promise<number> {
    try {
      this.#publisher ??= await this.#takeOver();
      return await this.#send(this.#publisher);
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  async close(): Promise<void> {
    const publisher = this.#publisher;
    this.#publisher = undefined;
    await publisher?.close();
  }

  async #takeOver(): Promise<Publisher> {
    const { store, client, reader, topic } = this.#line;
    const publisher = client.publisher(`jobledger-${store.ledgerId}-${topic}-${this.partition}`);
    try {
      await publisher.takeOver();
      this.#last = await findLastPublished(store, reader, topic, this.partition);
      this.#takeovers += 1;
      return publisher;
    } catch (error) {
      await publisher.close();
      throw error;
    }
  }

  /** The event that was published last is read along, and compared, each time. */
  async #send(publisher: Publisher): Promise<number> {
    const { store, topic } = this.#line;
    const last = this.#last;
    const from = last?.position ?? 1;
    const { events, epoch } = await readTexts(store, this.partition, from, PAGE);
    if (last !== undefined) checkLast(topic, last, events[0]);
    const fresh = last === undefined ? events : events.slice(1);
    if (epoch === undefined) return 0;
    const origin = { ledgerId: store.ledgerId, epoch };
    for (const batch of cutBatches(fresh)) {
      const records = batch.map((event) => toRecord(event, origin));
      await publisher.publish(topic, this.partition, records);
      this.#last = batch.at(-1)!;
    }
    return fresh.length;
  }
}
