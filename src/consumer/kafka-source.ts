import type { ConsumeFrom } from '../api-consumer.js';
import { LedgerError } from '../errors.js';
import type { GroupMember, KafkaClient, Subscription, TopicReader } from '../kafka/client.js';
import { Loop } from '../service.js';
import type { Group } from './group.js';
import { KafkaFeed } from './kafka-feed.js';
import { headsOf, topicPoints } from './topic-points.js';
import type { Feed, Point, Reader, Source } from './source.js';

/** From one note of what is done to the next, in milliseconds. Only for who looks at the group. */
const COMMIT_MS = 1_000;

/** A client and the topic that it is for. */
export interface Line {
  readonly client: KafkaClient;
  readonly reader: TopicReader;
  readonly topic: string;
}

/** The ledger's topic, whose partitions the members of a Kafka group share out. */
export class KafkaSource implements Source {
  readonly ledgerId: string | undefined;
  readonly #group: Group;
  readonly #connect: () => Promise<Line>;
  readonly #feeds = new Map<number, KafkaFeed>();
  readonly #done = new Map<number, number>();
  #line: Line | undefined;
  #partitions = 0;
  #joining: Loop | undefined;
  #subscription: Subscription | undefined;
  #held = Promise.resolve();

  /** With the id of the ledger that fills gaps, if there is one: the topic has to be of the same. */
  constructor(group: Group, connect: () => Promise<Line>, ledgerId: string | undefined) {
    this.ledgerId = ledgerId;
    this.#group = group;
    this.#connect = connect;
  }

  async open(): Promise<number> {
    const { client, topic } = (this.#line ??= await this.#connect());
    const facts = await client.describeTopic(topic).catch((error: Error) => {
      throw new LedgerError('BROKER_UNREACHABLE', `kafka: ${error.message}`, { cause: error });
    });
    if (facts === undefined) {
      const hint = 'start a relay, which makes it';
      throw new LedgerError(
        'BAD_TOPIC',
        `topic ${JSON.stringify(topic)}: it is not there; ${hint}`,
      );
    }
    return (this.#partitions = facts.partitions);
  }

  start(reader: Reader): Promise<void> {
    this.#joining = new Loop(
      () => this.#joinOrCommit(reader),
      (error) => reader.failed(error),
    );
    this.#joining.start();
    return Promise.resolve();
  }

  feed(partition: number): Feed {
    const feed = new KafkaFeed(
      {
        reader: this.#line!.reader,
        subscription: () => this.#subscription,
        done: (one, offset) => this.#done.set(one, offset),
      },
      partition,
    );
    this.#feeds.set(partition, feed);
    return feed;
  }

  pointsAt(from: ConsumeFrom): Promise<ReadonlyMap<number, Point>> {
    return topicPoints(this.#line!.reader, this.#partitions, from);
  }

  heads(): Promise<ReadonlyMap<number, number>> {
    return headsOf(this.#line!.reader, this.#partitions);
  }

  async stop(): Promise<void> {
    await this.#joining?.stop();
    // Others get our partitions at once; whoever is still at work here is held off by the rows.
    await this.#held;
  }

  async close(): Promise<void> {
    await this.#commit().catch(() => {});
    await this.#line?.client.close();
    this.#line = undefined;
  }

  async #joinOrCommit(reader: Reader): Promise<number> {
    if (this.#subscription === undefined) await this.#join(reader);
    else await this.#commit().catch(() => {});
    return COMMIT_MS;
  }

  async #join(reader: Reader): Promise<void> {
    const { client, topic } = this.#line!;
    let ended: unknown;
    const member: GroupMember = {
      assigned: (partitions) => this.#assign(reader, partitions),
      received: (partition, records) => {
        this.#feeds.get(partition)?.push(records);
        reader.wake(partition);
      },
      ended: (error) => {
        ended = error;
        this.#leave(reader, error);
      },
    };
    const subscription = await client.subscribe(topic, this.#group.name, member);
    if (ended !== undefined) return;
    this.#subscription = subscription;
    for (const partition of this.#feeds.keys()) reader.wake(partition);
  }

  /** What is in hand came from another membership: everything is read again from our own positions. */
  #assign(reader: Reader, partitions: ReadonlySet<number>): void {
    for (const feed of this.#feeds.values()) feed.close();
    for (const partition of this.#feeds.keys())
      if (!partitions.has(partition)) this.#feeds.delete(partition);
    for (const partition of this.#done.keys())
      if (!partitions.has(partition)) this.#done.delete(partition);
    this.#held = this.#held
      .then(() => reader.hold(partitions))
      .catch((error: unknown) => reader.failed(error));
    for (const partition of partitions) reader.wake(partition);
  }

  #leave(reader: Reader, error: unknown): void {
    const subscription = this.#subscription;
    this.#subscription = undefined;
    for (const feed of this.#feeds.values()) feed.close();
    void subscription?.close();
    reader.failed(error);
    this.#joining?.wake();
  }

  async #commit(): Promise<void> {
    const offsets = new Map(this.#done);
    this.#done.clear();
    await this.#subscription?.commit(offsets);
  }
}
