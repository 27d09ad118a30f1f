import type { ConsumeFrom } from '../api-consumer.js';
import { compareInstants } from '../job/instant.js';
import type { KafkaRecord, TopicReader } from '../kafka/client.js';
import { fromRecord, type Published } from '../kafka/record.js';
import { lastRecord } from '../kafka/tail.js';
import { instantOf } from '../ledger/check.js';
import type { Point } from './source.js';

const START: Point = { epoch: null, position: 0, resumeAt: null };

/** The points of a topic that are meant, by partition. */
export async function topicPoints(
  reader: TopicReader,
  partitions: number,
  from: ConsumeFrom,
): Promise<ReadonlyMap<number, Point>> {
  const all = Array.from({ length: partitions }, async (_, partition) => {
    return [partition, await pointOf(reader, partition, from)] as const;
  });
  return new Map(await Promise.all(all));
}

/** The last position of each partition that has any. */
export async function headsOf(
  reader: TopicReader,
  partitions: number,
): Promise<ReadonlyMap<number, number>> {
  const all = Array.from({ length: partitions }, async (_, partition) => {
    return [partition, (await endOf(reader, partition)).position] as const;
  });
  return new Map(await Promise.all(all));
}

async function pointOf(reader: TopicReader, partition: number, from: ConsumeFrom): Promise<Point> {
  if (from === 'start') return START;
  if (from === 'end') return endOf(reader, partition);
  if ('positions' in from)
    return { epoch: null, position: from.positions[partition] ?? 0, resumeAt: null };
  const at = instantOf('from.at', from.at);
  const published = await firstSince(reader, partition, at);
  if (published === undefined) return endOf(reader, partition);
  const position = published.event.position - 1;
  return { epoch: position === 0 ? null : published.origin.epoch, position, resumeAt: null };
}

async function endOf(reader: TopicReader, partition: number): Promise<Point> {
  const record = await lastRecord(reader, partition);
  const published = record && publishedOf(record);
  if (published === undefined) return START;
  const { event, origin } = published;
  return { epoch: origin.epoch, position: event.position, resumeAt: record!.offset + 1 };
}

/** Kafka keeps milliseconds, and events microseconds: the first of the one may be before the other. */
async function firstSince(
  reader: TopicReader,
  partition: number,
  at: string,
): Promise<Published | undefined> {
  const { end } = await reader.bounds(partition);
  for (let offset = await reader.offsetAt(partition, Date.parse(at)); offset < end;) {
    const { records, next } = await reader.read(partition, offset);
    for (const record of records) {
      const published = publishedOf(record);
      if (published !== undefined && compareInstants(published.event.recordedAt, at) >= 0)
        return published;
    }
    if (next === offset) break;
    offset = next;
  }
  return undefined;
}

function publishedOf(record: KafkaRecord): Published | undefined {
  const published = fromRecord(record);
  return typeof published === 'string' ? undefined : published;
}
