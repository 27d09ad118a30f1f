import type { Statement } from '../database.js';
import { EVENT_COLUMNS, head, iso, perPartition, type Store } from './store.js';

/**
 * A stretch of a partition's line to look at: one kind, strictly between two places. Stretches
 * leave out what this process has claimed already, so that no scan steps over its dead rows.
 */
export interface Stretch {
  readonly kind: string;
  readonly fromPriority: number;
  readonly fromSeq: number;
  readonly toPriority: number;
  readonly toSeq: number;
}

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
  /** The last row taken, per kind and priority. */
  readonly places: readonly {
    readonly kind: string;
    readonly priority: number;
    readonly seq: number;
  }[];
  /** Rows without a stream, counted where nothing else was seen. */
  readonly strays: number;
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
 * row that may not be taken, so that nothing is overtaken within a kind and priority. Strays, rows
 * whose stream does not exist, are passed over, and counted where nothing else is left.
 */
export function claimStatement(store: Store, partition: number, claim: Claim): Statement {
  const column = <K extends keyof Stretch>(name: K) => claim.stretches.map((one) => one[name]);
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
      column('kind'),
      column('fromPriority'),
      column('fromSeq'),
      column('toPriority'),
      column('toSeq'),
      JSON.stringify({ attempt: 1, worker: claim.worker, claim: claim.claim }),
    ],
  };
}

/** The attempts of a claim, with what their handlers need, in line order. */
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

/** A row of the fetch, whose columns come in this order. */
export function claimedRow(columns: readonly unknown[]): ClaimedRow {
  return {
    job_id: columns[0] as string,
    kind: columns[1] as string,
    priority: columns[2] as number,
    position: columns[3] as number,
    attempt: columns[4] as number,
    counted: columns[5] as number,
    max_attempts: columns[6] as number,
    losses: columns[7] as number,
    data: columns[8],
    meta: columns[9],
    patched: columns[10],
    failure: columns[11],
    form: (columns[12] as number | null) ?? 1,
  };
}

const claimText = perPartition((store, partition) => {
  const t = store.tables;
  const carried =
    'job_id, position, payload_at, error_at, max_attempts, partition, priority, losses, queue, kind';
  const hasStream = `exists (select from ${t.eventsOf(partition)} e
    where e.partition = ${partition} and e.position = r.position and e.stream_id = r.job_id)`;
  const stretchRows = `unnest($8::text[], $9::int[], $10::bigint[], $11::int[], $12::bigint[])
      stretch(kind, from_priority, from_seq, to_priority, to_seq)`;
  const inStretch = `r.partition = ${partition} and r.queue = $4 and r.kind = stretch.kind
        and (r.priority, r.seq) > (stretch.from_priority, stretch.from_seq)
        and (r.priority, r.seq) < (stretch.to_priority, stretch.to_seq)`;
  return `with alive as materialized (
  select id from ${t.workers} where id = $2 and dead_at is null and ended_at is null),
line as materialized (
  select r.*, row_number() over (order by priority, seq) as n from (
    select r.* from ${stretchRows}
    cross join lateral (
      select ctid as tid, r.* from ${t.ready} r
      where ${inStretch} and ${hasStream}
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
    case when attempt = 0 then $13::jsonb
      else jsonb_build_object('attempt', attempt + 1, 'worker', $2::int, 'claim', $3::bigint) end, '{}', at
  from picked, head)
select (select count(*) from picked)::int as taken,
  (select count(*) from line)::int as seen,
  (select ${iso('at')} from head) as at,
  (select coalesce(json_agg(place), '[]') from (
    select kind, priority, max(seq) as seq from picked group by kind, priority) place) as places,
  (select count(*) from ${stretchRows} cross join lateral (
    select from ${t.ready} r where ${inStretch} and not ${hasStream} limit 100 offset 0) s
    where not exists (select from line) and exists (select from alive))::int as strays,
  coalesce((select quarantined from leader), false) as quarantined,
  exists (select from alive) as alive`;
});

const fetchText = perPartition((store, partition) => {
  const events = store.tables.eventsOf(partition);
  const dataAt = (position: string) => `(select data from ${events} e
    where e.partition = ${partition} and e.position = ${position})`;
  return `select l.job_id, l.kind, l.priority, l.position, l.attempt, l.counted, l.max_attempts,
  l.losses, origin.data, origin.meta,
  case when l.payload_at is not null then ${dataAt('l.payload_at')} end as patched,
  case when l.error_at is not null then ${dataAt('l.error_at')} end as failure,
  nullif(origin.schema_version, 1) as form
from ${store.tables.leases} l
cross join lateral (select data, meta, schema_version from ${events} e
  where e.partition = ${partition} and e.position = l.position offset 0) origin
where l.worker = $1 and l.claim = $2 order by l.priority, l.seq`;
});
