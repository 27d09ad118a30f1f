import { clock, type Store } from './store.js';

/** Asks within one snapshot. */
export type Query = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/** The last position of each partition, 0 where there is none. */
export async function readAllHeads(store: Store, query: Query): Promise<number[]> {
  const heads = Array.from(
    { length: store.partitions },
    (_, partition) => `select ${partition} as partition, coalesce((select position
      from ${store.tables.eventsOf(partition)} where partition = ${partition}
      order by position desc limit 1), 0)::float8 as head`,
  );
  const { rows } = await query(`${heads.join(' union all ')} order by partition`);
  return (rows as { head: number }[]).map(({ head }) => head);
}

/** How long ago the first event behind these positions was recorded, in seconds; 0 if there is none. */
export async function readLagSeconds(
  store: Store,
  query: Query,
  positions: readonly number[],
): Promise<number> {
  const firsts = positions.map(
    (position, partition) => `select recorded_at from ${store.tables.eventsOf(partition)}
      where partition = ${partition} and position = ${position + 1}`,
  );
  const { rows } = await query(
    `select coalesce(greatest(0, extract(epoch from ${clock('$1')} - min(recorded_at))), 0)::float8 as lag
      from (${firsts.join(' union all ')}) firsts`,
    [store.clockShiftMs()],
  );
  return (rows[0] as { lag: number }).lag;
}
