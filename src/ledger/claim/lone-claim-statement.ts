import type { Statement } from '../../database.js';
import { EVENT_VERSIONS } from '../../job/event-versions.js';
import type { Claim, ClaimSummary } from './claim-statement.js';
import { alive } from '../outcome/ending-parts.js';
import { claimedRows, type ClaimedRow } from './fetch-statement.js';
import { CARRIED_COLUMNS, EVENT_COLUMNS, head, iso, perPartition, type Store } from '../store.js';
import { isCurrent } from './strays.js';
import { inStretch, stretchTable, stretchValues } from './stretches.js';

/** A payload that goes into any buffer: its reader cannot keep the partition's lock by not reading. */
const SMALL_BYTES = 4_000;

/** What a lone claim did, with its job if that can be told at once. */
export type LoneClaimed = ClaimSummary &
  (
    | { readonly job_id: null }
    | {
        readonly job_id: string;
        readonly kind: string;
        readonly seq: string;
        readonly data: string;
        readonly meta: unknown;
      }
  );

/**
 * What `claimStatement` does, for one job and an idle worker: a job that comes alone is waited for,
 * and this takes less time. Its answer also brings the job, unless that is large or has had attempts:
 * then it must be fetched. Looks at two rows, so that `seen` says whether there are more.
 */
export function loneClaimStatement(store: Store, partition: number, claim: Claim): Statement {
  return {
    name: `jl_claim_one_${partition}`,
    text: loneClaimText(store, partition),
    values: [
      store.clockShiftMs(),
      claim.worker,
      claim.claim,
      claim.queue,
      JSON.stringify({ attempt: 1, worker: claim.worker, claim: claim.claim }),
      ...stretchValues(claim.stretches),
    ],
  };
}

/** The attempt of a lone claim; undefined if it must be fetched. */
export function loneRow(claimed: LoneClaimed): ClaimedRow | undefined {
  if (claimed.job_id === null) return undefined;
  const { job_id: id, kind, seq, data, meta } = claimed;
  return claimedRows([id, data, seq, null, { [id]: meta }, null], kind)[0];
}

const loneClaimText = perPartition((store, partition) => {
  const t = store.tables;
  const events = t.eventsOf(partition);
  return `with ${alive(store, '$2')},
line as materialized (
  select r.* from ${stretchTable(6)}
  cross join lateral (
    select ctid as tid, r.* from ${t.ready} r
    where ${inStretch(partition, '$4')} and ${isCurrent(store, partition)}
    order by r.priority, r.seq limit 2 offset 0) r
  where exists (select from alive) order by priority, seq limit 2),
first as materialized (select * from line order by priority, seq limit 1),
picked as not materialized (select * from first where losses < 2),
gone as (delete from ${t.ready} where ctid = any(array(select tid from picked))),
${head(store, partition, '$1')},
leased as (
  insert into ${t.leases}(seq, claim, worker, claimed_at, attempt, counted, version, ${CARRIED_COLUMNS})
  select seq, $3::bigint, $2::int, at, attempt + 1, counted + 1, version + 1, ${CARRIED_COLUMNS} from picked, head),
recorded as (
  insert into ${events}(${EVENT_COLUMNS})
  select ${partition}::smallint, head + 1, job_id, version + 1, 'AttemptStarted', ${EVENT_VERSIONS.AttemptStarted}, kind, queue,
    case when attempt = 0 then $5::jsonb
      else jsonb_build_object('attempt', attempt + 1, 'worker', $2::int, 'claim', $3::bigint) end, '{}', at
  from picked, head)
select (select count(*) from picked)::int as taken, (select count(*) from line)::int as seen,
  (select ${iso('at')} from head) as at, coalesce((select losses >= 2 from first), false) as quarantined,
  exists (select from alive) as alive, job.*
from (select) one left join lateral (
  select p.job_id, p.kind, p.seq::text, e.data::text, e.meta from picked p cross join lateral (
    select data, meta from ${events} e where e.partition = ${partition} and e.position = p.position
      and e.stream_id = p.job_id and e.schema_version = ${EVENT_VERSIONS.JobEnqueued} offset 0) e
  where p.version = 1 and ${isSmall('e.data')} and ${isSmall('e.meta')}) job on true`;
});

/** Of a large one not even the text is made: the partition's lock is held meanwhile. */
function isSmall(column: string): string {
  return `case when pg_column_size(${column}) > ${SMALL_BYTES} then false
    else octet_length(${column}::text) <= ${SMALL_BYTES} end`;
}
