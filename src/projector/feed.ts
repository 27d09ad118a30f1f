import type { RecordedEvent } from '../job/events.js';
import { toEvent } from '../ledger/read.js';
import { iso, perPartition, type Store } from '../ledger/store.js';

/** The events of a partition behind a position, in order. Positions are dense: none can be missed. */
export async function readBehind(
  store: Store,
  partition: number,
  position: number,
  limit: number,
): Promise<RecordedEvent[]> {
  return read(store, partition, behindText(store, partition), [position, limit]);
}

const behindText = perPartition(
  (store, partition) => `select ${FIELDS} from ${store.tables.eventsOf(partition)}
    where partition = ${partition} and position > $1 order by position limit $2`,
);

/** The events of these jobs up to a position, each job's oldest first. */
export async function readJobsUpTo(
  store: Store,
  partition: number,
  jobIds: readonly string[],
  position: number,
): Promise<RecordedEvent[]> {
  return read(store, partition, upToText(store, partition), [jobIds, position]);
}

/** Driven from the ids, so that no statistics are needed to find the index. */
const upToText = perPartition(
  (store, partition) => `select e.* from unnest($1::uuid[]) wanted(id)
    cross join lateral (select ${FIELDS} from ${store.tables.eventsOf(partition)}
      where stream_id = wanted.id and position <= $2 order by version offset 0) e`,
);

/**
 * Whole jobs one after the other, each one's events in order, up to a position: those behind this job
 * and version. A rebuild that reads so need not remember one job while it reads of others.
 */
export async function readByJob(
  store: Store,
  partition: number,
  behind: { readonly jobId: string; readonly version: number },
  upTo: number,
  limit: number,
): Promise<RecordedEvent[]> {
  const values = [behind.jobId, behind.version, upTo, limit];
  return read(store, partition, byJobText(store, partition), values);
}

const byJobText = perPartition(
  (store, partition) => `select ${FIELDS} from ${store.tables.eventsOf(partition)}
    where (stream_id, version) > ($1::uuid, $2::int) and position <= $3
    order by stream_id, version limit $4`,
);

/** As `readEvent` takes them. */
const FIELDS = `position, stream_id, version, type::text, schema_version, kind, queue, data, meta,
  ${iso('recorded_at')}`;

/** Rows as lists, and read by hand: a rebuild spends most of its time here. */
async function read(
  store: Store,
  partition: number,
  text: string,
  values: unknown[],
): Promise<RecordedEvent[]> {
  const query = { text, values, rowMode: 'array' as const, types: AS_TEXT };
  const { rows } = await store.database.pool.query<string[]>(query);
  return rows.map((row) => readEvent(partition, row));
}

function readEvent(partition: number, row: readonly string[]): RecordedEvent {
  return toEvent({
    partition,
    position: Number(row[0]),
    stream_id: row[1]!,
    version: Number(row[2]),
    type: row[3]!,
    schema_version: Number(row[4]),
    kind: row[5]!,
    queue: row[6]!,
    data: JSON.parse(row[7]!),
    meta: row[8] === '{}' ? NOTHING : JSON.parse(row[8]!),
    recorded_at: row[9]!,
  });
}

const NOTHING = Object.freeze({});
const AS_TEXT = { getTypeParser: () => (value: string) => value };

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
