import type { Statement } from '../../database.js';
import { EVENT_VERSIONS } from '../../job/event-versions.js';
import { alive } from '../outcome/ending-parts.js';
import { CARRIED_COLUMNS, EVENT_COLUMNS, head, iso, perPartition, type Store } from '../store.js';
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

const claimText = perPartition((store, partition) => {
  const t = store.tables;
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
  insert into ${t.leases}(seq, claim, worker, claimed_at, attempt, counted, version, ${CARRIED_COLUMNS})
  select seq, $3::bigint, $2::int, at, attempt + 1, counted + 1, version + 1, ${CARRIED_COLUMNS} from picked, head),
recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, head + n, job_id, version + 1, 'AttemptStarted', ${EVENT_VERSIONS.AttemptStarted}, kind, queue,
    case when attempt = 0 then $12::jsonb
      else jsonb_build_object('attempt', attempt + 1, 'worker', $2::int, 'claim', $3::bigint) end, '{}', at
  from picked, head)
select (select count(*) from picked)::int as taken,
  (select count(*) from line)::int as seen,
  (select ${iso('at')} from head) as at,
  coalesce((select quarantined from leader), false) as quarantined,
  exists (select from alive) as alive`;
});
