import type { RecordedEvent } from '../job/events.js';
import { EVENT_FIELDS, toEvent, type EventRow } from '../ledger/read.js';
import { perPartition, type Store } from '../ledger/store.js';

/** The events of a partition behind a position, in order. Positions are dense: none can be missed. */
export async function readBehind(
  store: Store,
  partition: number,
  position: number,
  limit: number,
): Promise<RecordedEvent[]> {
  const { rows } = await store.database.pool.query<EventRow>({
    text: behindText(store, partition),
    values: [position, limit],
  });
  return rows.map(toEvent);
}

const behindText = perPartition(
  (store, partition) => `select ${EVENT_FIELDS} from ${store.tables.eventsOf(partition)}
    where partition = ${partition} and position > $1 order by position limit $2`,
);

/** The events of these jobs up to a position, each job's oldest first. */
export async function readJobsUpTo(
  store: Store,
  partition: number,
  jobIds: readonly string[],
  position: number,
): Promise<RecordedEvent[]> {
  const { rows } = await store.database.pool.query<EventRow>({
    text: upToText(store, partition),
    values: [jobIds, position],
  });
  return rows.map(toEvent);
}

/** Driven from the ids, so that no statistics are needed to find the index. */
const upToText = perPartition(
  (store, partition) => `select e.* from unnest($1::uuid[]) wanted(id)
    cross join lateral (select ${EVENT_FIELDS} from ${store.tables.eventsOf(partition)}
      where stream_id = wanted.id and position <= $2 order by version offset 0) e`,
);

/** How far each build has come: by build, then by partition. */
export async function readCheckpoints(
  store: Store,
  builds: readonly number[],
): Promise<Map<number, Map<number, number>>> {
  const { rows } = await store.database.pool.query<{
    build: number;
    partition: number;
    position: number;
  }>({
    text: `select build, partition, position from unnest($1::int[]) wanted(id)
      cross join lateral (select * from ${store.tables.checkpoints} where build = wanted.id offset 0) c`,
    values: [builds],
  });
  const checkpoints = new Map(builds.map((build) => [build, new Map<number, number>()]));
  for (const { build, partition, position } of rows)
    checkpoints.get(build)!.set(partition, position);
  return checkpoints;
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
