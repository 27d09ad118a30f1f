/**
 * What we ask of Kafka, and all that the rest of this folder knows of it. `kafkajs/` answers; another
 * client may take its place. It promises that what is published is published whole and once or not at
 * all, and that readers see nothing else. It knows nothing of jobs.
 */
export interface KafkaClient {
  /** The topic's partitions and settings; undefined if there is none. */
  describeTopic(topic: string): Promise<TopicFacts | undefined>;
  /** Harmless if it is there already. */
  createTopic(topic: string, plan: TopicPlan): Promise<void>;
  /** A publisher of one partition. Only one at a time with the same id can publish. */
  publisher(transactionalId: string): Publisher;
  reader(topic: string): TopicReader;
  /** Takes part in a group, whose members share the topic's partitions out. */
  subscribe(topic: string, group: string, member: GroupMember): Promise<Subscription>;
  /** Ends what is open. Harmless if called twice. */
  close(): Promise<void>;
}

/** A topic as the brokers describe it. */
export interface TopicFacts {
  readonly partitions: number;
  readonly settings: ReadonlyMap<string, string>;
}

/** A topic to make. */
export interface TopicPlan {
  readonly partitions: number;
  readonly settings: Readonly<Record<string, string>>;
}

/** A record on its way to a topic. */
export interface NewRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds since 1970. */
  readonly timestampMs: number;
}

/** A record of a topic. Its offset says where it stands there, and nothing about the ledger. */
export interface KafkaRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: RecordHeaders;
}

/** Headers as texts; those that nobody asks for cost nothing. */
export interface RecordHeaders {
  get(name: string): string | undefined;
}

/** Publishes in transactions only. After any error it is of no more use: the next one takes over. */
export interface Publisher {
  /** Shuts out whoever published with this id before, and undoes what he had not committed. */
  takeOver(): Promise<void>;
  /** All of them behind what is there, or none. One call at a time. */
  publish(topic: string, partition: number, records: readonly NewRecord[]): Promise<void>;
  close(): Promise<void>;
}

/** Reads any partition from any offset; sees what is committed and nothing else. */
export interface TopicReader {
  /** The first offset that is kept, and the one behind the last that can be read. */
  bounds(partition: number): Promise<{ readonly first: number; readonly end: number }>;
  /** The first offset of a time or later; the end if there is none. */
  offsetAt(partition: number, timeMs: number): Promise<number>;
  /**
   * Records from an offset on, and where to read on: there may be none of the former, for transactions
   * leave marks. Waits up to `waitMs` if there is nothing yet.
   */
  read(partition: number, offset: number, options?: ReadOptions): Promise<Page>;
  close(): Promise<void>;
}

/** A member of a group, and what it is told. None of these may throw. */
export interface GroupMember {
  /** These partitions are ours from now on, and no others. Nothing of them is read before `readFrom`. */
  assigned(partitions: ReadonlySet<number>): void;
  /** Records of a partition, in order. Not waited for: who has too many says `pause`. */
  received(partition: number, records: readonly KafkaRecord[]): void;
  /** Nothing comes any more: subscribe again. */
  ended(error: unknown): void;
}

/** A membership. What it says of a partition that is not ours (any more) has no effect. */
export interface Subscription {
  /** Reads a partition from an offset on; what was on its way of it is dropped. */
  readFrom(partition: number, offset: number): void;
  pause(partition: number): void;
  resume(partition: number): void;
  /** Notes, for who looks at the group, up to where partitions are done. */
  commit(offsets: ReadonlyMap<number, number>): Promise<void>;
  close(): Promise<void>;
}

export interface ReadOptions {
  readonly maxBytes?: number;
  readonly waitMs?: number;
}

export interface Page {
  readonly records: readonly KafkaRecord[];
  readonly next: number;
}
