import type { Statement } from '../../database.js';
import { writtenVersion } from '../../job/written-form.js';
import { int4Array, int8Array, jsonbArray, uuidArray } from '../binary-array.js';
import { alive, freedKeys, missed } from './ending-parts.js';
import { EVENT_COLUMNS, head, perPartition, type Store } from '../store.js';

/** A success, ready to be recorded. */
export interface Success {
  readonly jobId: string;
  readonly claim: number;
  readonly attempt: number;
  readonly data: string;
  readonly meta: string;
  /** Whether the job holds a unique key that its end frees. */
  readonly freesKey: boolean;
}

/**
 * What `finishStatement` does, for successes alone: nearly every attempt ends so, nothing is to be
 * moved on, and no cancel that came in meanwhile changes it.
 */
export function succeedStatement(
  store: Store,
  partition: number,
  worker: number,
  successes: readonly Success[],
): Statement {
  const column = <K extends keyof Success>(name: K) => successes.map((one) => one[name]);
  const hasMeta = successes.some((one) => one.meta !== '{}');
  return {
    name: `jl_succeed_${partition}`,
    text: succeedText(store, partition),
    values: [
      store.clockShiftMs(),
      worker,
      uuidArray(column('jobId')),
      int8Array(column('claim')),
      int4Array(column('attempt')),
      jsonbArray(column('data')),
      hasMeta ? jsonbArray(column('meta')) : null,
      uuidArray(successes.filter((one) => one.freesKey).map((one) => one.jobId)),
    ],
  };
}

const succeedText = perPartition((store, partition) => {
  const t = store.tables;
  return `with ${alive(store, '$2')},
held as materialized (
  select i.*, l.*, row_number() over () as n from (
    select unnest($3::uuid[]) as id, unnest($4::bigint[]) as of_claim, unnest($5::int[]) as of_attempt,
      unnest($6::jsonb[]) as data, unnest($7::jsonb[]) as meta,
      generate_series(1, cardinality($3::uuid[])) as ord) i
  cross join lateral (
    select l.ctid as tid, version, job_id, kind, queue from ${t.leases} l
    where l.worker = $2 and l.claim = i.of_claim and l.job_id = i.id and l.attempt = i.of_attempt offset 0) l
  where exists (select from alive)),
gone as (delete from ${t.leases} where ctid = any(array(select tid from held))),
${head(store, partition, '$1')},
recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, head + n, job_id, version + 1, 'AttemptSucceeded', ${writtenVersion('AttemptSucceeded')}, kind, queue,
    data, coalesce(meta, '{}'), at from held, head),
${freedKeys(store, '$8', 'true')}
select ${missed('$3')} as missed, exists (select from alive) as alive`;
});
