import { transact } from '../../database.js';
import { clock, lockPartition, perPartition, type Store } from '../../ledger/store.js';
import { wake } from '../../ledger/wake.js';

const BATCH = 500;
/** Partitions promoted side by side: while one commits, the next is read. */
const LANES = 2;

/** Moves what is due from `scheduled` to the end of its line; gives the wait until the next, in ms. */
export async function promoteDue(
  store: Store,
): Promise<{ readonly promoted: number; readonly nextMs: number }> {
  const heads = await nextDue(store);
  const due = heads.filter((one) => one.waitMs <= 0);
  const lanes = Array.from({ length: LANES }, (_, lane) => promoteLane(store, due, lane));
  const promoted = (await Promise.all(lanes)).reduce((sum, count) => sum + count, 0);
  const later = heads.filter((one) => one.waitMs > 0).map((one) => one.waitMs);
  return { promoted, nextMs: due.length > 0 ? 0 : Math.min(...later, Number.POSITIVE_INFINITY) };
}

/** Every so-many-th of the partitions that have something due, one after another. */
async function promoteLane(
  store: Store,
  due: readonly { readonly partition: number }[],
  lane: number,
): Promise<number> {
  let promoted = 0;
  for (let index = lane; index < due.length; index += LANES) {
    promoted += await promotePartition(store, due[index]!.partition);
  }
  return promoted;
}

async function nextDue(store: Store): Promise<{ partition: number; waitMs: number }[]> {
  const result = await store.database.pool.query<{ partition: number; waitMs: number }>({
    ...(store.database.pooler ? {} : { name: 'jl_next_due' }),
    text: `select p.partition, extract(epoch from s.run_at - ${clock('$2')})::float8 * 1000 as "waitMs"
      from generate_series(0, $1::int - 1) p(partition)
      cross join lateral (select run_at from ${store.tables.scheduled} s
        where s.partition = p.partition order by run_at limit 1 offset 0) s
      order by s.run_at`,
    values: [store.partitions, store.clockShiftMs()],
  });
  return result.rows;
}

async function promotePartition(store: Store, partition: number): Promise<number> {
  const [, result] = await transact(store.database, [
    lockPartition(store, partition),
    {
      name: `jl_promote_${partition}`,
      text: promoteText(store, partition),
      values: [store.clockShiftMs(), BATCH],
    },
  ]);
  const { promoted, queues } = result!.rows[0] as { promoted: number; queues: string[] };
  for (const queue of queues) wake(store, { what: 'ready', partition, queue });
  return promoted;
}

/** A stray row, whose stream does not exist, moves along and is passed over by claims. */
const promoteText = perPartition((store, partition) => {
  const carried =
    'job_id, position, payload_at, error_at, attempt, counted, max_attempts, version, partition, priority, losses, queue, kind';
  return `with due as materialized (
    select s.ctid as tid, s.* from ${store.tables.scheduled} s
    where s.partition = ${partition} and s.run_at <= ${clock('$1')}
    order by s.run_at, s.job_id limit $2),
  gone as (delete from ${store.tables.scheduled} where ctid = any(array(select tid from due))),
  lined_up as (
    insert into ${store.tables.ready}(${carried}) select ${carried} from due order by run_at, position)
  select (select count(*) from due)::int as promoted, array(select distinct queue from due) as queues`;
});
