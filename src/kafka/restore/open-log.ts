import type { Store } from '../../ledger/store.js';
import { readTexts } from '../read-texts.js';
import type { EventText } from '../record.js';
import { PartitionLog } from './partition-log.js';
import type { Source } from './source.js';
import type { Survey } from './survey.js';

/**
 * A partition's log in the topic from where the ledger's own ends. The ledger's last event is looked up
 * by its time, and has to be there and be the same before anything is taken.
 */
export async function openLog(
  store: Store,
  source: Source,
  survey: Survey,
  partition: number,
): Promise<PartitionLog> {
  const { runs } = survey.partitions[partition]!;
  const last = await readLast(store, partition);
  const offset =
    last === undefined
      ? (await source.reader.bounds(partition)).first
      : await source.reader.offsetAt(partition, Date.parse(last.recordedAt));
  const readOwn = async (from: number, count: number) =>
    (await readTexts(store, partition, from, count)).events;
  return new PartitionLog(source, store.ledgerId, partition, runs, { offset, last }, readOwn);
}

/** The last event of a partition; undefined if there is none. */
export async function readLast(store: Store, partition: number): Promise<EventText | undefined> {
  const { rows } = await store.database.pool.query<{ position: number }>(
    `select position from ${store.tables.eventsOf(partition)} where partition = ${partition}
      order by position desc limit 1`,
  );
  const position = rows[0]?.position;
  if (position === undefined) return undefined;
  return (await readTexts(store, partition, position, 1)).events[0];
}
