import type { KafkaRecord, TopicReader } from './client.js';

/** How far back the first look for the last record goes; each further one goes eight times as far. */
const FIRST_STEP = 16;

/**
 * The last committed record of a partition; undefined if there is none. Marks of transactions and what
 * was undone take offsets too, so the look goes back until it has found one.
 */
export async function lastRecord(
  reader: TopicReader,
  partition: number,
): Promise<KafkaRecord | undefined> {
  const { first, end } = await reader.bounds(partition);
  for (let step = FIRST_STEP, upTo = end; upTo > first; step *= 8) {
    const from = Math.max(first, end - step);
    const found = await lastWithin(reader, partition, from, upTo);
    if (found !== undefined) return found;
    upTo = from;
  }
  return undefined;
}

async function lastWithin(
  reader: TopicReader,
  partition: number,
  from: number,
  upTo: number,
): Promise<KafkaRecord | undefined> {
  let last: KafkaRecord | undefined;
  for (let offset = from; offset < upTo;) {
    const { records, next } = await reader.read(partition, offset);
    last = records.findLast((record) => record.offset < upTo) ?? last;
    // Nothing can be read any more, though it could be when the bounds were asked for: truncated.
    if (next === offset) break;
    offset = next;
  }
  return last;
}
