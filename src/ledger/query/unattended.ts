import type { Stats } from '../../api-views.js';
import type { Store } from '../store.js';

/** Queues and kinds with waiting jobs for which no live worker is registered. */
export async function unattended(store: Store): Promise<Stats['unattended']> {
  const { ready, scheduled, workers } = store.tables;
  const result = await store.database.pool.query<Stats['unattended'][number]>({
    text: `with waiting as (
        select queue, kind, count(*) as waiting from (
          select queue, kind from ${ready} union all select queue, kind from ${scheduled}) both_tables
        group by queue, kind)
      select queue, kind, waiting from waiting w where not exists (
        select from ${workers} k where k.dead_at is null and k.ended_at is null
          and w.queue = any(k.queues) and w.kind = any(k.kinds))
      order by queue, kind`,
  });
  return result.rows;
}
