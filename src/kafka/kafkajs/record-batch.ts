import type { NewRecord } from '../client.js';
import type { ByteWriter } from './byte-writer.js';

/** Who sends a batch: what the brokers gave him, and how many records he has sent. */
export interface Sender {
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly sequence: number;
}

/**
 * Writes records as one batch of a transaction, in the format of Kafka's documentation ("Record
 * Batch", magic 2). kafkajs makes an encoder for every header, which costs ten times as much.
 */
export function writeRecordBatch(
  to: ByteWriter,
  records: readonly NewRecord[],
  sender: Sender,
  crc32C: (bytes: Buffer) => number,
): void {
  const times = records.map(({ timestampMs }) => timestampMs);
  const firstMs = times.reduce((one, other) => Math.min(one, other));
  const lastMs = times.reduce((one, other) => Math.max(one, other));
  to.int64(0n);
  const length = to.skip(4);
  to.int32(NO_LEADER_EPOCH).int8(MAGIC);
  const checksum = to.skip(4);
  const checked = to.length;
  to.int16(TRANSACTIONAL)
    .int32(records.length - 1)
    .int64(BigInt(firstMs))
    .int64(BigInt(lastMs))
    .int64(sender.producerId)
    .int16(sender.producerEpoch)
    .int32(sender.sequence)
    .int32(records.length);
  for (const [index, record] of records.entries())
    to.sized(() => writeRecord(to, record, index, record.timestampMs - firstMs));
  to.patchInt32(length, to.length - length - 4);
  to.patchUInt32(checksum, crc32C(to.bytes(checked)));
}

const NO_LEADER_EPOCH = -1;
const MAGIC = 2;
const TRANSACTIONAL = 0x10;

function writeRecord(to: ByteWriter, record: NewRecord, index: number, laterMs: number): void {
  const { key, value, headers } = record;
  to.int8(0).varlong(laterMs).varint(index).vartext(key).vartext(value);
  const names = Object.keys(headers);
  to.varint(names.length);
  for (const name of names) to.vartext(name).vartext(headers[name]!);
}
