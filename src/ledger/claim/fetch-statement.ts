import type { Statement } from '../../database.js';
import { EVENT_VERSIONS } from '../../job/event-versions.js';
import type { StoredEvent } from '../../job/upcast.js';
import { readStored, storedOf, type Stored } from '../read.js';
import { perPartition, type Store } from '../store.js';

/** A claimed attempt, as it is fetched after the commit. */
export interface ClaimedRow {
  readonly job_id: string;
  readonly kind: string;
  readonly seq: number;
  readonly priority: number;
  readonly attempt: number;
  readonly counted: number;
  readonly max_attempts: number;
  readonly losses: number;
  /** Data of JobEnqueued. */
  readonly data: unknown;
  readonly meta: unknown;
  /** The form of `data`: the schema version of JobEnqueued. */
  readonly form: number;
  /** The event with a later payload (JobRetried), or null. */
  readonly patched: StoredEvent | null;
  /** The latest failure or loss, or null. */
  readonly failure: StoredEvent | null;
  /** The span of the attempt that failed, where it was recorded. */
  readonly failure_trace: string | null;
}

/** What of an attempt cannot be told from its JobEnqueued, in the order in which the query lists it. */
type Odd = readonly [
  ...[priority: number, attempt: number, counted: number, maxAttempts: number, losses: number],
  ...[form: number, patched: Stored | null, failure: Stored | null, failureTrace: string | null],
];

type ById<T> = Readonly<Record<string, T>> | null;

/** The row of lists that `fetchStatement` gives. */
export type FetchedLists = readonly [
  ids: string | null,
  data: string,
  seqs: string,
  kinds: ById<string>,
  metas: ById<unknown>,
  odd: ById<Odd>,
];

/** The attempts of a claim, with what their handlers need; `kind` is the one that most of them have. */
export function fetchStatement(
  store: Store,
  partition: number,
  { worker, claim, kind }: { worker: number; claim: number; kind: string },
): Statement {
  return {
    name: `jl_fetch_${partition}`,
    text: fetchText(store, partition),
    values: [worker, claim, kind],
    rowMode: 'array',
  };
}

/** The attempts of the query's row, in line order. */
export function claimedRows(lists: FetchedLists, kind: string): ClaimedRow[] {
  const [ids, data, seqs, kinds, metas, odd] = lists;
  if (ids === null) return [];
  const origins = listOf(data) as Origin[];
  const places = listOf(seqs) as number[];
  const rows = ids.split(',').map((id, index): ClaimedRow => {
    const origin = origins[index];
    const own = odd?.[id];
    const enqueued = own && readStored(['JobEnqueued', own[5], origin]);
    return {
      job_id: id,
      kind: kinds?.[id] ?? kind,
      seq: places[index]!,
      data: enqueued === undefined ? origin : enqueued.data,
      form: enqueued?.schemaVersion ?? EVENT_VERSIONS.JobEnqueued,
      meta: metas?.[id] ?? {},
      // Of a job to which nothing has happened but its enqueue, all is said there.
      priority: own?.[0] ?? numberOr(origin?.priority, 0),
      attempt: own?.[1] ?? 1,
      counted: own?.[2] ?? 1,
      max_attempts: own?.[3] ?? numberOr(origin?.maxAttempts, 1),
      losses: own?.[4] ?? 0,
      patched: own?.[6] ? readStored(own[6]) : null,
      failure: own?.[7] ? readStored(own[7]) : null,
      failure_trace: own?.[8] ?? null,
    };
  });
  // Ids are made in the order of enqueueing, so they nearly are already; on the server it costs more.
  return rows.sort((one, other) => one.priority - other.priority || one.seq - other.seq);
}

function listOf(members: string): unknown[] {
  return JSON.parse(`[${members}]`) as unknown[];
}

type Origin = { readonly priority?: unknown; readonly maxAttempts?: unknown } | null | undefined;

/** Malformed data fails the attempt later, in words of its own. */
function numberOr(value: unknown, otherwise: number): number {
  return typeof value === 'number' ? value : otherwise;
}

/**
 * Lists, since a message and a call of a parser for every field of every job cost more than half of
 * what a job costs its worker; and of what is nearly always the same only where it is not.
 */
const fetchText = perPartition((store, partition) => {
  const events = store.tables.eventsOf(partition);
  const eventAt = (
    position: string,
    fields = storedOf('e'),
  ) => `case when ${position} is not null then
    (select ${fields} from ${events} e
      where e.partition = ${partition} and e.position = ${position}) end`;
  const odd = `priority, attempt, counted, max_attempts, losses, schema_version, ${eventAt('payload_at')}, ${eventAt('error_at')}, ${eventAt('error_at', `e.meta->>'traceparent'`)}`;
  return `select string_agg(job_id::text, ','), string_agg(data::text, ','), string_agg(seq::text, ','),
  json_object_agg(job_id, kind) filter (where kind <> $3),
  json_object_agg(job_id, meta) filter (where meta <> '{}'),
  json_object_agg(job_id, json_build_array(${odd})) filter (where version <> 2 or schema_version <> ${EVENT_VERSIONS.JobEnqueued} or losses > 0)
from (select l.*, origin.* from ${store.tables.leases} l
  cross join lateral (select data, meta, schema_version from ${events} e
    where e.partition = ${partition} and e.position = l.position and e.stream_id = l.job_id offset 0) origin
  where l.worker = $1 and l.claim = $2) attempts`;
});
