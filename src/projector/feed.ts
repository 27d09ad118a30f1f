import type { RecordedEvent } from '../job/events.js';
import { EVENT_FIELDS, toEvent, type EventRow } from '../ledger/read.js';
import type { Store } from '../ledger/store.js';
import type { Projection } from '../api-projector.js';

/** The events of a partition behind a position, in order. Positions are dense: none can be missed. */
export async function readBehind(
  store: Store,
  partition: number,
  position: number,
  limit: number,
): Promise<RecordedEvent[]> {
  const { rows } = await store.database.pool.query<EventRow>({
    text: `select ${EVENT_FIELDS} from ${store.tables.eventsOf(partition)}
      where partition = ${partition} and position > $1 order by position limit $2`,
    values: [position, limit],
  });
  return rows.map(toEvent);
}

/** How far a version has come, by partition. */
export async function readCheckpoints(
  store: Store,
  { name, version }: Projection,
): Promise<Map<number, number>> {
  const { rows } = await store.database.pool.query<{ partition: number; position: number }>({
    text: `select partition, position from ${store.tables.checkpoints} where name = $1 and version = $2`,
    values: [name, version],
  });
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}

/** The last position of each partition that has any. */
export async function readHeads(store: Store): Promise<Map<number, number>> {
  const parts = Array.from(
    { length: store.partitions },
    (
      _,
      partition,
    ) => `(select ${partition} as partition, position from ${store.tables.eventsOf(partition)}
      where partition = ${partition} order by position desc limit 1)`,
  );
  const { rows } = await store.database.pool.query<{ partition: number; position: number }>(
    parts.join(' union all '),
  );
  return new Map(rows.map(({ partition, position }) => [partition, position]));
}
