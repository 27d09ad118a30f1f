import { begin } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { isConnectionError, isLockTimeout } from '../../sql-errors.js';
import type { Query } from '../verify/fold-partition.js';
import { lockPartition, type Store } from '../store.js';

/**
 * Runs in one transaction that holds these partitions' locks, on a ledger that is stopped. Nobody of
 * ours waits for a client under a lock but here, where no worker is kept waiting: what was read has
 * to be judged before it is written. Whoever else waits for 5 s may end this session, and then
 * nothing of the transaction was done.
 */
export async function whileStopped<T>(
  store: Store,
  partitions: readonly number[],
  work: (query: Query) => Promise<T>,
): Promise<T> {
  const client = await store.database.pool.connect();
  let failure: unknown;
  try {
    await client.query(
      `${begin(store.database)}; set local lock_timeout = '10s';
       set local idle_in_transaction_session_timeout = '60s'`,
    );
    const query: Query = (text, values) => client.query(text, values);
    for (const partition of partitions) {
      const { text, values } = lockPartition(store, partition);
      await query(text, values);
    }
    await refuseWhileRunning(store, query);
    const value = await work(query);
    const { command } = await client.query('commit');
    if (command !== 'COMMIT') throw new LedgerError('INTERNAL', 'a transaction was rolled back');
    return value;
  } catch (error) {
    failure = error;
    if (!isConnectionError(error)) await client.query('rollback').catch(() => {});
    throw isLockTimeout(error) ? asConflict(error) : error;
  } finally {
    client.release(isConnectionError(failure) ? (failure as Error) : undefined);
  }
}

function asConflict(cause: unknown): LedgerError {
  const text = 'another session keeps a partition or a row locked; try again when it has ended';
  return new LedgerError('CONFLICT', text, { cause });
}

/** A worker is alive while its latest beat is not older than its lease, by the database's clock. */
export async function refuseWhileRunning(store: Store, query: Query): Promise<void> {
  const { rows } = await query(
    `select id, host, pid, lease_ms / 1000 as "leaseS",
      extract(epoch from clock_timestamp() - beat_at)::int as "agoS" from ${store.tables.workers}
    where dead_at is null and ended_at is null
      and beat_at > clock_timestamp() - lease_ms * interval '1 millisecond' order by id limit 1`,
  );
  const [worker] = rows as {
    id: number;
    host: string;
    pid: number;
    leaseS: number;
    agoS: number;
  }[];
  if (worker === undefined) return;
  const { id, host, pid, leaseS, agoS } = worker;
  throw new LedgerError(
    'LEDGER_RUNNING',
    `worker ${id} (process ${pid} on ${host}) beat ${agoS} s ago: stop all workers first; one that was killed counts as alive for its lease of ${leaseS} s`,
  );
}
