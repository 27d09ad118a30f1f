import type { NewRecord } from '../client.js';
import { ByteWriter } from './byte-writer.js';
import type { ProtocolRequest } from './internals.js';
import { writeRecordBatch, type Sender } from './record-batch.js';

/** Where a batch goes, and in whose transaction. */
export interface Destination {
  readonly transactionalId: string;
  readonly topic: string;
  readonly partition: number;
}

/** How long the broker may take for one batch, in milliseconds. */
const TIMEOUT_MS = 10_000;
const ALL_REPLICAS = -1;

/** A Produce request, version 7: one batch for one partition. */
export function produceRequest(
  { transactionalId, topic, partition }: Destination,
  records: readonly NewRecord[],
  sender: Sender,
  crc32C: (bytes: Buffer) => number,
): ProtocolRequest {
  const to = new ByteWriter();
  to.string(transactionalId).int16(ALL_REPLICAS).int32(TIMEOUT_MS);
  to.int32(1).string(topic).int32(1).int32(partition);
  const size = to.skip(4);
  writeRecordBatch(to, records, sender, crc32C);
  to.patchInt32(size, to.length - size - 4);
  const buf = to.bytes();
  const request = { apiKey: 0, apiVersion: 7, apiName: 'Produce' };
  return { ...request, encode: () => Promise.resolve({ buf, buffer: buf }) };
}
