import type { Statement } from '../../database.js';
import {
  booleanArray,
  float8Array,
  int4Array,
  int8Array,
  jsonbArray,
  textArray,
  uuidArray,
} from '../binary-array.js';
import type { EventType } from '../../job/events.js';
import { writtenVersion } from '../../job/written-form.js';
import { alive, freedKeys, missed } from './ending-parts.js';
import { EVENT_COLUMNS, head, iso, perPartition, type Store } from '../store.js';

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
      uuidArray(column('jobId')),
      int8Array(column('claim')),
      int4Array(column('attempt')),
      textArray(column('type')),
      jsonbArray(column('data')),
      jsonbArray(column('meta')),
      textArray(column('then')),
      int4Array(column('counted')),
      int4Array(column('losses')),
      float8Array(column('delayMs')),
      textArray(column('runAt')),
      booleanArray(column('failure')),
      booleanArray(column('cancelKnown')),
      uuidArray(endings.filter((one) => one.freesKey).map((one) => one.jobId)),
      endings.some((one) => one.then === 'scheduled' || one.then === 'retrying'),
      endings.some((one) => one.then === 'line'),
      int4Array(endings.map((one) => writtenVersion(one.type))),
    ],
  };
}

const finishText = perPartition((store, partition) => {
  const t = store.tables;
  const carried =
    'job_id, position, payload_at, attempt, max_attempts, partition, priority, queue, kind';

  return `with ${alive(store, '$2')},
held as materialized (
  select i.*, l.*, row_number() over () as n from (
    select ${INPUT}, generate_series(1, cardinality($3::uuid[])) as ord) i
  cross join lateral (
    select l.ctid as tid, l.seq, l.error_at, l.version, ${carried} from ${t.leases} l
    where l.worker = $2 and l.claim = i.of_claim and l.job_id = i.id and l.attempt = i.of_attempt
      and (i.cancel_known is null or i.cancel_known = (l.cancel_at is not null)) offset 0) l
  where exists (select from alive)),
gone as (delete from ${t.leases} where ctid = any(array(select tid from held))),
${head(store, partition, '$1')},
moved as not materialized (
  select h.*, head + n as at_position, at,
    coalesce(run_at::timestamptz, at + delay_ms * interval '1 millisecond') as due from held h, head),
recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, at_position, job_id, version + 1, type::${t.eventType}, form, kind, queue,
    case when due is null then data else data || jsonb_build_object('runAt', ${iso('due')}) end, meta, at
  from moved),
waiting as (
  insert into ${t.scheduled}(run_at, error_at, counted, losses, version, ${carried}, state)
  select due, case when failure then at_position else error_at end, new_counted, new_losses, version + 1, ${carried}, next
  from moved where $17 and next in ('scheduled', 'retrying')),
lined_up as (
  insert into ${t.ready}(seq, error_at, counted, losses, version, ${carried})
  select seq, error_at, new_counted, new_losses, version + 1, ${carried} from moved where $18 and next = 'line'),
${freedKeys(store, '$16', "next = 'end'")}
select ${missed('$3')} as missed, exists (select from alive) as alive`;
});

/** In the list of a select, where arrays go row by row; as tables each would be stored first. */
const INPUT = `unnest($3::uuid[]) as id, unnest($4::bigint[]) as of_claim, unnest($5::int[]) as of_attempt,
      unnest($6::text[]) as type, unnest($7::jsonb[]) as data, unnest($8::jsonb[]) as meta,
      unnest($9::text[]) as next, unnest($10::int[]) as new_counted, unnest($11::int[]) as new_losses,
      unnest($12::float8[]) as delay_ms, unnest($13::text[]) as run_at, unnest($14::boolean[]) as failure,
      unnest($15::boolean[]) as cancel_known, unnest($19::int[]) as form`;
