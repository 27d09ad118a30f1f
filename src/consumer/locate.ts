import type { KafkaRecord, TopicReader } from '../kafka/client.js';
import { fromRecord } from '../kafka/record.js';
import type { Point } from './source.js';

/** Bytes of a look at a place of the topic; a batch comes whole in any case. */
const LOOK_BYTES = 64 * 1024;

/**
 * The offset from which the records behind a point are read. The offset that was noted with it is tried
 * first, and taken only if the very next event is there; else the topic is bisected: along offsets,
 * epochs and positions only rise.
 */
export async function locate(
  reader: TopicReader,
  partition: number,
  behind: Point,
): Promise<number> {
  const { first, end } = await reader.bounds(partition);
  if (behind.position === 0) return first;
  const noted = behind.resumeAt ?? -1;
  if (noted >= first && noted < end && (await isNextAt(reader, partition, noted, end, behind)))
    return noted;
  return bisect(reader, partition, first, end, behind);
}

async function isNextAt(
  reader: TopicReader,
  partition: number,
  offset: number,
  end: number,
  behind: Point,
): Promise<boolean> {
  const [record] = await look(reader, partition, offset, end);
  const published = record === undefined ? '' : fromRecord(record);
  return (
    typeof published === 'object' &&
    published.origin.epoch === (behind.epoch ?? published.origin.epoch) &&
    published.event.position === behind.position + 1
  );
}

async function bisect(
  reader: TopicReader,
  partition: number,
  first: number,
  end: number,
  behind: Point,
): Promise<number> {
  let [low, high] = [first, end];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const records = await look(reader, partition, middle, high);
    const at = records.findIndex((record) => isBehind(record, behind));
    if (at > 0) return records[at]!.offset;
    if (at === 0) high = middle;
    else if (records.length === 0) high = middle;
    else low = records.at(-1)!.offset + 1;
  }
  return low;
}

/** Whether a record comes after a point. What is no event of ours stops who reads it. */
function isBehind(record: KafkaRecord, { epoch, position }: Point): boolean {
  const published = fromRecord(record);
  if (typeof published === 'string') return true;
  const epochs = published.origin.epoch - (epoch ?? published.origin.epoch);
  return epochs > 0 || (epochs === 0 && published.event.position > position);
}

/** The first records from an offset on and before another, if there are any. */
async function look(
  reader: TopicReader,
  partition: number,
  from: number,
  end: number,
): Promise<readonly KafkaRecord[]> {
  for (let offset = from; offset < end;) {
    const { records, next } = await reader.read(partition, offset, { maxBytes: LOOK_BYTES });
    const within = records.filter((record) => record.offset < end);
    if (within.length > 0 || next === offset) return within;
    offset = next;
  }
  return [];
}
