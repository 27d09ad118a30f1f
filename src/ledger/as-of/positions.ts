import type { Query } from '../query/read-model.js';
import type { Store } from '../store.js';
import type { Settled } from './instant.js';

/**
 * The last position of each partition at an instant, 0 for none: found by bisecting the primary key,
 * in one round trip. Removed ranges are passed over.
 */
export async function positionsAt(
  store: Store,
  query: Query,
  at: Settled,
): Promise<readonly number[]> {
  const parts = Array.from({ length: store.partitions }, (_, partition) =>
    bisection(store.tables.eventsOf(partition), partition),
  );
  const { rows } = await query(parts.join(' union all '), [at]);
  const positions = new Array<number>(store.partitions).fill(0);
  for (const { partition, position } of rows as { partition: number; position: number }[])
    positions[partition] = position;
  return positions;
}

/** `low` is at or before the position that is looked for, `high` never before it. */
function bisection(events: string, partition: number): string {
  const first = (condition: string, order: string) => `select position, recorded_at from ${events}
    where partition = ${partition} ${condition} order by position ${order} limit 1`;
  return `select ${partition} as partition, (with recursive search(low, high) as (
      select 0::bigint, coalesce((select position from (${first('', 'desc')}) head), 0)
      union all
      select case when e.position <= high and e.recorded_at <= $1::timestamptz then e.position else low end,
        case when e.position <= high and e.recorded_at <= $1::timestamptz then high else middle - 1 end
      from (select low, high, low + (high - low + 1) / 2 as middle from search where low < high) s
      cross join lateral (${first('and position >= s.middle', 'asc')}) e)
    select max(low) from search) as position`;
}
