import type { Statement } from '../../database.js';
import { clock, isLocked, perPartition, type Store } from '../../ledger/store.js';
import { inPartition, tryPartition } from '../../ledger/try-partition.js';
import { wake } from '../../ledger/wake.js';
import { inEach } from '../side-by-side.js';

const BATCH = 1_000;
/** Partitions promoted side by side: while one commits, the next is read. */
const LANES = 2;
/** Rest before a partition that failed is tried again, in milliseconds. */
const RETRY_MS = 1_000;

/** What a promotion came to. */
export interface Promotion {
  /** The wait until something is due, in milliseconds. */
  readonly nextMs: number;
  /** Partitions that failed, to be named as `troubled` the next time. */
  readonly failed: ReadonlySet<number>;
}

/** Moves what is due from `scheduled` to the end of its line, the troubled partitions last. */
export async function promoteDue(
  store: Store,
  troubled: ReadonlySet<number> = new Set(),
): Promise<Promotion> {
  const heads = await nextDue(store);
  const due = heads.filter((one) => one.waitMs <= 0);
  const sound = due.filter((one) => !troubled.has(one.partition));
  const lanes = Array.from({ length: LANES }, (_, lane) =>
    promoteEach(
      store,
      sound.filter((_one, index) => index % LANES === lane),
    ),
  );
  const failures = await Promise.all(lanes);
  failures.push(
    await promoteEach(
      store,
      due.filter((one) => troubled.has(one.partition)),
    ),
  );
  const failed = new Set(failures.flatMap((one) => [...one]));
  const later = heads.filter((one) => one.waitMs > 0).map((one) => one.waitMs);
  const again = due.some((one) => !failed.has(one.partition));
  return { failed, nextMs: again ? 0 : Math.min(...later, RETRY_MS) };
}

function promoteEach(store: Store, due: readonly Due[]): Promise<ReadonlySet<number>> {
  return inEach(store, 'promote', due, ({ partition }) => promotePartition(store, partition));
}

interface Due {
  readonly partition: number;
  readonly waitMs: number;
}

async function nextDue(store: Store): Promise<Due[]> {
  const result = await store.database.pool.query<Due>({
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

async function promotePartition(store: Store, partition: number): Promise<void> {
  const statement = promoteStatement(store, partition);
  const [result] =
    (await tryPartition(store, partition, [statement])) ??
    (await inPartition(store, partition, [statement]));
  const { queues } = result!.rows[0] as { queues: string[] };
  for (const queue of queues) wake(store, { what: 'ready', partition, queue });
}

/** Moves the first of what is due. Gives the queues that they went to. */
export function promoteStatement(store: Store, partition: number, limit = BATCH): Statement {
  return {
    name: `jl_promote_${partition}`,
    text: promoteText(store, partition),
    values: [store.clockShiftMs(), limit],
  };
}

/** A stray row, whose stream does not exist, moves along and is passed over by claims. */
const promoteText = perPartition((store, partition) => {
  const carried =
    'job_id, position, payload_at, error_at, attempt, counted, max_attempts, version, partition, priority, losses, queue, kind';
  return `with due as materialized (
    select s.ctid as tid, s.* from ${store.tables.scheduled} s
    where s.partition = ${partition} and s.run_at <= ${clock('$1')} and ${isLocked}
    order by s.run_at, s.job_id limit $2),
  gone as (delete from ${store.tables.scheduled} where ctid = any(array(select tid from due))),
  lined_up as (
    insert into ${store.tables.ready}(${carried}) select ${carried} from due order by run_at, position)
  select array(select distinct queue from due) as queues`;
});
