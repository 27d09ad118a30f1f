import { groupBy } from '../group-by.js';
import type { RecordedEvent } from '../job/events.js';
import { upcast, type StoredEvent } from '../job/upcast.js';
import { badId, isUuid, parseShortId, partitionOf } from './ids.js';
import { clock, iso, perPartition, type Store } from './store.js';

/** All events of a job, oldest first; none if the ledger does not know it. One partition's table. */
export async function readStream(store: Store, jobId: string): Promise<RecordedEvent[]> {
  const partition = partitionOf(jobId, store.partitions);
  const result = await store.database.pool.query<EventRow>({
    ...(store.database.pooler ? {} : { name: `jl_stream_${partition}` }),
    text: streamText(store, partition),
    values: [[jobId]],
  });
  return result.rows.map(toEvent);
}

/** The events of several jobs of one partition, each job's oldest first, and the time it is. */
export async function readStreams(
  store: Store,
  partition: number,
  jobIds: readonly string[],
): Promise<{ readonly events: ReadonlyMap<string, RecordedEvent[]>; readonly now: string }> {
  const result = await store.database.pool.query<EventRow & { now: string }>({
    text: `select now.now, e.* from (select ${iso(clock('$2'))} as now) now
      left join lateral (${streamText(store, partition)}) e on true`,
    values: [jobIds, store.clockShiftMs()],
  });
  const events = new Map<string, RecordedEvent[]>();
  for (const row of result.rows) {
    if (row.stream_id === null) continue;
    const event = toEvent(row);
    const stream = events.get(event.streamId);
    if (stream === undefined) events.set(event.streamId, [event]);
    else stream.push(event);
  }
  return { events, now: result.rows[0]!.now };
}

/** The same as they were at a time: what was recorded until then. */
export async function readStreamsAt(
  store: Store,
  partition: number,
  jobIds: readonly string[],
  at: string,
): Promise<ReadonlyMap<string, RecordedEvent[]>> {
  const { rows } = await store.database.pool.query<EventRow>({
    text: streamTextAt(store, partition),
    values: [jobIds, at],
  });
  return groupBy(rows.map(toEvent), ({ streamId }) => streamId);
}

/** The job id that an id or short id names; undefined if no job has that short id. */
export async function resolveId(store: Store, text: string): Promise<string | undefined> {
  if (isUuid(text)) return text.toLowerCase();
  const short = typeof text === 'string' ? parseShortId(text) : undefined;
  if (short === undefined) throw badId(text);
  if (short.partition >= store.partitions) return undefined;
  const result = await store.database.pool.query<{ id: string; type: string }>({
    text: `select stream_id as id from ${store.tables.eventsOf(short.partition)}
      where partition = ${short.partition} and position = $1 and type = 'JobEnqueued'`,
    values: [short.position],
  });
  return result.rows[0]?.id;
}

/** An event's row, as `EVENT_FIELDS` selects it. */
export interface EventRow {
  partition: number;
  position: number;
  stream_id: string;
  version: number;
  type: string;
  schema_version: number;
  kind: string;
  queue: string;
  data: unknown;
  meta: unknown;
  recorded_at: string;
}

/** The select list that `toEvent` reads; timestamps as text, since a JS Date drops microseconds. */
export const EVENT_FIELDS = eventFields('data');

/** The same with something else for `data`: less of it, where much of it is not needed. */
export function eventFields(data: string): string {
  return `partition, position, stream_id, version, type::text as type, schema_version, kind, queue,
    ${data} as data, meta, ${iso('recorded_at')} as recorded_at`;
}

/**
 * A row as an event, in the newest version of its type. Types and versions unknown to it pass
 * through unchanged.
 */
export function toEvent(row: EventRow): RecordedEvent {
  return upcast({
    partition: row.partition,
    position: row.position,
    streamId: row.stream_id,
    version: row.version,
    type: row.type,
    schemaVersion: row.schema_version,
    kind: row.kind,
    queue: row.queue,
    data: row.data,
    meta: row.meta,
    recordedAt: row.recorded_at,
  }) as RecordedEvent;
}

/** What is read of an event that a statement takes along: its type, its schema version, its data. */
export type Stored = readonly [type: string, schemaVersion: number, data: unknown];

/** An event of a table as `readStored` takes it. */
export function storedOf(alias: string): string {
  return `json_build_array(${alias}.type, ${alias}.schema_version, ${alias}.data)`;
}

/** A stored event in the newest version of its type; one that is not known is unchanged. */
export function readStored([type, schemaVersion, data]: Stored): StoredEvent {
  return upcast({ type, schemaVersion, data });
}

const streamText = perPartition((store, partition) => textOf(store, partition, ''));
const streamTextAt = perPartition((store, partition) =>
  textOf(store, partition, 'and s.recorded_at <= $2::timestamptz'),
);

/** Driven from the ids, so that no statistics are needed to find the index. */
function textOf(store: Store, partition: number, condition: string): string {
  return `select e.* from unnest($1::uuid[]) with ordinality wanted(id, ord)
    cross join lateral (select ${EVENT_FIELDS} from ${store.tables.eventsOf(partition)} s
      where s.stream_id = wanted.id ${condition} order by s.version offset 0) e
    order by wanted.ord, e.version`;
}
