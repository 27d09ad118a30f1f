import type { Statement } from '../database.js';
import { alive } from './ending-parts.js';
import { EVENT_COLUMNS, head, iso, perPartition, type Store } from './store.js';
import { isCurrent } from './strays.js';
import { inStretch, stretchTable, stretchValues, type Stretch } from './stretches.js';

export interface Claim {
  readonly worker: number;
  readonly claim: number;
  readonly queue: string;
  readonly stretches: readonly Stretch[];
  /** Slots free now: what may take a job on its last counted attempt. */
  readonly free: number;
  /** Most jobs to claim, free slots included. */
  readonly limit: number;
  /** Whether a job in quarantine may be taken, alone. */
  readonly quarantine: boolean;
}

/** What a claim did. */
export interface ClaimSummary {
  readonly taken: number;
  /** Rows that were looked at, taken or not. */
  readonly seen: number;
  /** When, by the ledger's clock. */
  readonly at: string;
  /** The line is headed by a job in quarantine. */
  readonly quarantined: boolean;
  /** Whether the worker may claim at all. */
  readonly alive: boolean;
}

/** A claimed attempt, as it is fetched after the commit. */
export interface ClaimedRow {
  readonly job_id: string;
  readonly kind: string;
  readonly priority: number;
  readonly seq: number;
  readonly position: number;
  readonly attempt: number;
  readonly counted: number;
  readonly max_attempts: number;
  readonly losses: number;
  readonly data: unknown;
  readonly meta: unknown;
  /** The form of `data`: the schema version of JobEnqueued. */
  readonly form: number;
  /** Data of the event with a later payload (JobRetried), or null. */
  readonly patched: unknown;
  /** Data of the latest failure or loss, or null. */
  readonly failure: unknown;
}

/**
 * Moves the first rows of the line into leases and records AttemptStarted for each. Returns only
 * counts: a client that stops reading must not keep the partition's lock. No row lock is needed,
 * since every writer of dispatch rows holds the partition's lock. The batch ends before the first
 * row that may not be taken, so that nothing is overtaken within a kind and priority. Strays are
 * passed over.
 */
export function claimStatement(store: Store, partition: number, claim: Claim): Statement {
  return {
    name: `jl_claim_${partition}`,
    text: claimText(store, partition),
    values: [
      store.clockShiftMs(),
      claim.worker,
      claim.claim,
      claim.queue,
      claim.free,
      claim.limit,
      claim.quarantine,
      ...stretchValues(claim.stretches),
      JSON.stringify({ attempt: 1, worker: claim.worker, claim: claim.claim }),
    ],
  };
}

/** The attempts of a claim, with what their handlers need, in line order: one row of lists. */
export function fetchStatement(
  store: Store,
  partition: number,
  worker: number,
  claim: number,
): Statement {
  return {
    name: `jl_fetch_${partition}`,
    text: fetchText(store, partition),
    values: [worker, claim],
    rowMode: 'array',
  };
}

/** The attempts of the fetch's row, whose columns come in this order. */
export function claimedRows(columns: readonly (string | null)[]): ClaimedRow[] {
  const [ids, kinds, data, metas, patches, failures, ...numbers] = columns;
  if (ids === null || ids === undefined) return [];
  const [kind, origin, meta, patched, failure] = [kinds, data, metas, patches, failures].map(list);
  const [priority, seq, position, attempt, counted, maxAttempts, losses, form] = numbers.map(
    (texts) => list(texts) as number[] | undefined,
  );
  return ids.split(',').map((id, index) => ({
    job_id: id,
    kind: kind![index] as string,
    priority: priority![index]!,
    seq: seq![index]!,
    position: position![index]!,
    attempt: attempt![index]!,
    counted: counted![index]!,
    max_attempts: maxAttempts![index]!,
    losses: losses![index]!,
    data: origin![index],
    meta: meta![index],
    form: form![index]!,
    patched: patched?.[index] ?? null,
    failure: failure?.[index] ?? null,
  }));
}

/** The members of a list, printed as JSON; undefined for a list that none of the rows needs. */
function list(members: string | null | undefined): unknown[] | undefined {
  return typeof members === 'string' ? (JSON.parse(`[${members}]`) as unknown[]) : undefined;
}

const claimText = perPartition((store, partition) => {
  const t = store.tables;
  const carried =
    'job_id, position, payload_at, error_at, max_attempts, partition, priority, losses, queue, kind';
  return `with ${alive(store, '$2')},
line as materialized (
  select r.*, row_number() over (order by priority, seq) as n from (
    select r.* from ${stretchTable(8)}
    cross join lateral (
      select ctid as tid, r.* from ${t.ready} r
      where ${inStretch(partition, '$4')} and ${isCurrent(store, partition)}
      order by r.priority, r.seq limit $6 offset 0) r
    order by priority, seq limit $6) r
  where exists (select from alive)),
leader as materialized (select losses >= 2 as quarantined from line where n = 1),
stop as materialized (
  select coalesce(min(n), $6::int + 1) as n from line
  where (n > $5 and counted + 1 >= max_attempts)
    or (losses >= 2 and not (n = 1 and $7))
    or (n > 1 and (select quarantined from leader))),
picked as not materialized (select line.* from line where n < (select n from stop)),
gone as (delete from ${t.ready} where ctid = any(array(select tid from picked))),
${head(store, partition, '$1')},
leased as (
  insert into ${t.leases}(seq, claim, worker, claimed_at, attempt, counted, version, ${carried})
  select seq, $3::bigint, $2::int, at, attempt + 1, counted + 1, version + 1, ${carried} from picked, head),
recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, head + n, job_id, version + 1, 'AttemptStarted', 1, kind, queue,
    case when attempt = 0 then $12::jsonb
      else jsonb_build_object('attempt', attempt + 1, 'worker', $2::int, 'claim', $3::bigint) end, '{}', at
  from picked, head)
select (select count(*) from picked)::int as taken,
  (select count(*) from line)::int as seen,
  (select ${iso('at')} from head) as at,
  coalesce((select quarantined from leader), false) as quarantined,
  exists (select from alive) as alive`;
});

/**
 * Lists, since a message and a call of a parser for every field of every job cost more than half of
 * what a job costs its worker.
 */
const fetchText = perPartition((store, partition) => {
  const events = store.tables.eventsOf(partition);
  const dataAt = (position: string) => `(select data from ${events} e
    where e.partition = ${partition} and e.position = ${position})`;
  const numbers = 'priority seq position attempt counted max_attempts losses schema_version';
  return `select ${text('job_id')}, ${text('to_json(kind)')}, ${text('data')}, ${text('meta')},
  case when bool_or(payload_at is not null) then ${text("coalesce(patched, 'null')")} end,
  case when bool_or(error_at is not null) then ${text("coalesce(failure, 'null')")} end,
  ${numbers.split(' ').map(text).join(', ')}
from (select l.job_id, l.kind, l.priority, l.seq, l.position, l.attempt, l.counted, l.max_attempts,
    l.losses, l.payload_at, l.error_at, origin.data, origin.meta, origin.schema_version,
    case when l.payload_at is not null then ${dataAt('l.payload_at')} end as patched,
    case when l.error_at is not null then ${dataAt('l.error_at')} end as failure
  from ${store.tables.leases} l
  cross join lateral (select data, meta, schema_version from ${events} e
    where e.partition = ${partition} and e.position = l.position and e.stream_id = l.job_id offset 0) origin
  where l.worker = $1 and l.claim = $2 order by l.priority, l.seq) attempts`;
});

function text(column: string): string {
  return `string_agg((${column})::text, ',')`;
}
