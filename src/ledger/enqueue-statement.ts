import type { Statement } from '../database.js';
import { EVENT_COLUMNS, head, iso, perPartition, type Store } from './store.js';

/** A job that has been checked and is ready to be recorded. */
export interface NewJob {
  readonly id: string;
  readonly kind: string;
  readonly queue: string;
  readonly priority: number;
  readonly maxAttempts: number;
  /** Serialised JobEnqueued data, without `runAt` if the delay is relative. */
  readonly data: string;
  readonly meta: string;
  readonly delayMs: number | null;
  readonly runAt: string | null;
}

/**
 * Appends JobEnqueued for every job and puts each in line, or among the scheduled if its time is
 * to come. Gives the head before it and the time, so that position = head + index + 1.
 */
export function enqueueStatement(
  store: Store,
  partition: number,
  jobs: readonly NewJob[],
): Statement {
  const column = <K extends keyof NewJob>(name: K) => jobs.map((job) => job[name]);
  return {
    name: `jl_enqueue_${partition}`,
    text: enqueueText(store, partition),
    values: [
      store.clockShiftMs(),
      column('id'),
      column('kind'),
      column('queue'),
      column('priority'),
      column('maxAttempts'),
      column('data'),
      column('meta'),
      column('delayMs'),
      column('runAt'),
    ],
  };
}

const enqueueText = perPartition((store, partition) => {
  const t = store.tables;
  const job =
    'id, head + ord, 0, 0, max_attempts, 1, ' + `${partition}::smallint, priority, queue, kind`;
  const jobColumns =
    'job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind';
  return `with ${head(store, partition, '$1')},
input as materialized (
  select i.*, coalesce(run_at, (select at from head) + delay_ms * interval '1 millisecond') as due
  from unnest($2::uuid[], $3::text[], $4::text[], $5::smallint[], $6::int[], $7::jsonb[], $8::jsonb[],
    $9::float8[], $10::timestamptz[])
    with ordinality i(id, kind, queue, priority, max_attempts, data, meta, delay_ms, run_at, ord)),
recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, head + ord, id, 1, 'JobEnqueued', 1, kind, queue,
    case when due is null then data else data || jsonb_build_object('runAt', ${iso('due')}) end,
    meta, at from input, head),
waiting as (
  insert into ${t.scheduled}(run_at, ${jobColumns}, state)
  select due, ${job}, 'scheduled' from input, head where due > at),
lined_up as (
  insert into ${t.ready}(${jobColumns})
  select ${job} from input, head where due is null or due <= at order by ord)
select head, ${iso('at')} as at from head`;
});
