import type { Kafka } from 'kafkajs';
import { LedgerError } from '../../errors.js';

/** What we use of kafkajs 2.2.4 that it does not export. It has not changed since February 2023. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  addTargetTopic(topic: string): Promise<void>;
  /** Partitions by the node that leads them. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  findBroker(node: { readonly nodeId: string }): Promise<{
    fetch(request: object): Promise<Responses<RawPartition>>;
    listOffsets(request: object): Promise<Responses<{ readonly offset: string }>>;
  }>;
}

interface Responses<P> {
  readonly responses: readonly { readonly partitions: readonly P[] }[];
}

/** A message as it comes over the wire. */
export interface RawMessage {
  readonly offset: string;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: Readonly<Record<string, Buffer>> | undefined;
}

interface RawPartition {
  readonly messages: readonly RawMessage[];
}

/** Connected, and informed about the topic. */
export async function openCluster(kafka: Kafka, topic: string): Promise<Cluster> {
  const create = creatorOf(kafka);
  const cluster = create({ metadataMaxAge: 300_000, allowAutoTopicCreation: false });
  await cluster.connect();
  await cluster.addTargetTopic(topic);
  return cluster;
}

type Creator = (options: object) => Cluster;

function creatorOf(kafka: Kafka): Creator {
  const symbol = Object.getOwnPropertySymbols(kafka).find(
    ({ description }) => description === 'private:Kafka:createCluster',
  );
  const create = symbol && (kafka as unknown as Record<symbol, Creator | undefined>)[symbol];
  if (create !== undefined) return create;
  throw new LedgerError(
    'MISSING_PACKAGE',
    `kafka: this needs kafkajs 2.2.4; run 'npm install kafkajs@2.2.4'`,
  );
}

/** What of an answer is committed and no mark of a transaction, and the offset behind all of it. */
export async function committedRecords(
  topic: string,
  offset: number,
  answer: RawPartition,
): Promise<{ readonly messages: readonly RawMessage[]; readonly next: number }> {
  const { default: Batch } = await loadBatch();
  const batch = new Batch(topic, String(offset), answer);
  const last = batch.messagesWithinOffset.at(-1);
  return { messages: batch.messages, next: last === undefined ? offset : Number(last.offset) + 1 };
}

interface BatchClass {
  new (
    topic: string,
    offset: string,
    answer: RawPartition,
  ): { readonly messages: RawMessage[]; readonly messagesWithinOffset: RawMessage[] };
}

const BATCH: string = 'kafkajs/src/consumer/batch.js';
let loading: Promise<{ readonly default: BatchClass }> | undefined;

function loadBatch() {
  return (loading ??= import(BATCH) as Promise<{ readonly default: BatchClass }>);
}
