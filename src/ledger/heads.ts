import type { Store } from './store.js';

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
