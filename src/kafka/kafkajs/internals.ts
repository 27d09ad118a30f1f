import { createRequire } from 'node:module';
import type { Kafka } from 'kafkajs';
import { LedgerError } from '../../errors.js';

/** What we use of kafkajs 2.2.4 that it does not export. It has not changed since February 2023. */
export interface Cluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  /** Asks about a topic, the first time. */
  addTargetTopic(topic: string): Promise<void>;
  /** Partitions by the node that leads them. */
  findLeaderForPartitions(topic: string, partitions: readonly number[]): Record<string, number[]>;
  findBroker(node: { readonly nodeId: string }): Promise<Broker>;
  findGroupCoordinator(request: object): Promise<Broker>;
}

/** One broker; each call is one request, and an answer that is an error is thrown. */
export interface Broker {
  readonly connectionPool: {
    send(call: { readonly request: ProtocolRequest; readonly response: object }): Promise<unknown>;
  };
  fetch(request: object): Promise<Responses<RawPartition>>;
  listOffsets(request: object): Promise<Responses<{ readonly offset: string }>>;
  initProducerId(request: object): Promise<{
    readonly producerId: string;
    readonly producerEpoch: number;
  }>;
  addPartitionsToTxn(request: object): Promise<void>;
  endTxn(request: object): Promise<void>;
}

/** A request as kafkajs sends it. */
export interface ProtocolRequest {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly apiName: string;
  encode(): Promise<{ readonly buf: Buffer; readonly buffer: Buffer }>;
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

/** Connections of their own, none of which ever makes a topic. */
export async function openCluster(kafka: Kafka): Promise<Cluster> {
  const cluster = creatorOf(kafka)({ metadataMaxAge: 300_000, allowAutoTopicCreation: false });
  try {
    await cluster.connect();
    return cluster;
  } catch (error) {
    await cluster.disconnect().catch(() => {});
    throw error;
  }
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
export function committedRecords(
  topic: string,
  offset: number,
  answer: RawPartition,
): { readonly messages: readonly RawMessage[]; readonly next: number } {
  const { Batch } = loadInternals();
  const batch = new Batch(topic, String(offset), answer);
  const last = batch.messagesWithinOffset.at(-1);
  return { messages: batch.messages, next: last === undefined ? offset : Number(last.offset) + 1 };
}

interface Internals {
  readonly Batch: new (
    topic: string,
    offset: string,
    answer: RawPartition,
  ) => { readonly messages: RawMessage[]; readonly messagesWithinOffset: RawMessage[] };
  readonly crc32C: (bytes: Buffer) => number;
  /** Reads the answer to a Produce request of version 7. */
  readonly produceResponse: object;
}

const require = createRequire(import.meta.url);
let loaded: Internals | undefined;

/** Modules of kafkajs that it does not export. */
export function loadInternals(): Internals {
  return (loaded ??= {
    Batch: require('kafkajs/src/consumer/batch.js') as Internals['Batch'],
    crc32C: require('kafkajs/src/protocol/recordBatch/crc32C') as Internals['crc32C'],
    produceResponse: require('kafkajs/src/protocol/requests/produce/v7/response.js') as object,
  });
}
