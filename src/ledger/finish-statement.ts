import type { Statement } from '../database.js';
import type { EventType } from '../job/events.js';
import { EVENT_COLUMNS, head, iso, perPartition, type Store } from './store.js';

/** The decided end of an attempt, ready to be recorded. */
export interface Ending {
  readonly jobId: string;
  readonly claim: number;
  readonly attempt: number;
  readonly type: EventType;
  readonly data: string;
  readonly meta: string;
  /** Where the job goes: nowhere, among the scheduled, or back to its place in line. */
  readonly then: 'end' | 'scheduled' | 'retrying' | 'line';
  readonly counted: number;
  readonly losses: number;
  /** Wait from the recording on, in milliseconds, or until a time; neither if the job does not wait. */
  readonly delayMs: number | null;
  readonly runAt: string | null;
  /** Whether this event becomes the job's latest failure. */
  readonly failure: boolean;
  /** Whether it was decided knowing that a cancel was requested; null if that does not matter. */
  readonly cancelKnown: boolean | null;
  /** Whether the job holds a unique key that its end frees. */
  readonly freesKey: boolean;
}

/**
 * Ends the leases that are still this worker's, records how, and moves each job on. Endings whose
 * lease is gone, or that were decided before a cancel came in, are left out and their indexes given
 * back. The next version is read from the lease, which every append brings along.
 */
export function finishStatement(
  store: Store,
  partition: number,
  worker: number,
  endings: readonly Ending[],
): Statement {
  const column = <K extends keyof Ending>(name: K) => endings.map((one) => one[name]);
  return {
    name: `jl_finish_${partition}`,
    text: finishText(store, partition),
    values: [
      store.clockShiftMs(),
      worker,
      column('jobId'),
      column('claim'),
      column('attempt'),
      column('type'),
      column('data'),
      column('meta'),
      column('then'),
      column('counted'),
      column('losses'),
      column('delayMs'),
      column('runAt'),
      column('failure'),
      column('cancelKnown'),
      endings.filter((one) => one.freesKey).map((one) => one.jobId),
    ],
  };
}

const finishText = perPartition((store, partition) => {
  const t = store.tables;
  const carried =
    'job_id, position, payload_at, attempt, max_attempts, partition, priority, queue, kind';

  return `with alive as materialized (
  select id from ${t.workers} where id = $2 and dead_at is null and ended_at is null),
input as materialized (
  select * from unnest($3::uuid[], $4::bigint[], $5::int[], $6::text[], $7::jsonb[], $8::jsonb[],
    $9::text[], $10::int[], $11::smallint[], $12::float8[], $13::timestamptz[], $14::boolean[], $15::boolean[])
    with ordinality i(id, of_claim, of_attempt, type, data, meta, next, new_counted, new_losses, delay_ms,
      run_at, failure, cancel_known, ord)),
held as materialized (
  select *, row_number() over (order by ord) as n from input cross join lateral (
    select l.ctid as tid, l.* from ${t.leases} l
    where l.worker = $2 and l.claim = of_claim and l.job_id = input.id and l.attempt = of_attempt
      and (cancel_known is null or cancel_known = (l.cancel_at is not null)) offset 0) l
  where exists (select from alive)),
gone as (delete from ${t.leases} where ctid = any(array(select tid from held))),
${head(store, partition, '$1')},
moved as materialized (
  select h.*, head + n as at_position, at,
    coalesce(run_at, at + delay_ms * interval '1 millisecond') as due from held h, head),
recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, at_position, job_id, version + 1, type::${t.eventType}, 1, kind, queue,
    case when due is null then data else data || jsonb_build_object('runAt', ${iso('due')}) end, meta, at
  from moved),
waiting as (
  insert into ${t.scheduled}(run_at, error_at, counted, losses, version, ${carried}, state)
  select due, case when failure then at_position else error_at end, new_counted, new_losses, version + 1, ${carried}, next
  from moved where next in ('scheduled', 'retrying')),
lined_up as (
  insert into ${t.ready}(seq, error_at, counted, losses, version, ${carried})
  select seq, error_at, new_counted, new_losses, version + 1, ${carried} from moved where next = 'line'),
freed as (
  delete from ${t.uniqueKeys} where job_id = any($16::uuid[]) and scope = 'active'
    and job_id = any(array(select job_id from held where next = 'end')))
select (select count(*) from held)::int as ended,
  array(select ord::int - 1 from input where ord not in (select ord from held)) as missed,
  exists (select from alive) as alive,
  (select ${iso('at')} from head) as at`;
});
