import { hostname } from 'node:os';
import type { WorkerInfo } from '../api-worker.js';
import { LedgerError } from '../errors.js';
import { integerProblem } from '../job/limits.js';
import { refuseMirror } from '../ledger/role.js';
import { iso, type Store } from '../ledger/store.js';
import { VERSION } from '../version.js';
import type { WorkerSettings } from './options.js';

/**
 * Puts a new incarnation on record. Ids are never reused; the row stays long after the worker. Throws
 * `LEDGER_IS_MIRROR`, and `OTHER_LEDGER` if the schema was made anew since the ledger was opened: its locks are others.
 */
export async function register(store: Store, settings: WorkerSettings): Promise<number> {
  const result = await store.database.pool.query<{ id: number }>({
    text: `insert into ${store.tables.workers}(host, pid, version, queues, kinds, lease_ms, retry)
      select $1, $2, $3, $4, $5, $6, $7 where exists (select from ${store.tables.ledger} where id = $8 and role = 'primary')
      returning id`,
    values: [
      hostname(),
      process.pid,
      VERSION,
      settings.queues,
      [...settings.jobs.keys()],
      settings.leaseMs,
      JSON.stringify(settings.retry.policy),
      store.ledgerId,
    ],
  });
  const [row] = result.rows;
  if (row !== undefined) return row.id;
  store.role.now = 'mirror';
  await refuseMirror(store, 'worker');
  const message = `database: the ledger ${store.ledgerId} is gone, another stands in its place`;
  throw new LedgerError('OTHER_LEDGER', message);
}

/** Takes a registration back whose worker never began: nothing can have named it. */
export async function unregister(store: Store, worker: number): Promise<void> {
  await store.database.pool.query({
    text: `delete from ${store.tables.workers} where id = $1`,
    values: [worker],
  });
}

/** Records that an incarnation ended of its own accord. */
export async function deregister(store: Store, worker: number, reason: string): Promise<void> {
  await store.database.pool.query({
    text: `update ${store.tables.workers} set ended_at = clock_timestamp(), end_reason = $2
      where id = $1 and dead_at is null and ended_at is null`,
    values: [worker, reason],
  });
}

/** A worker as it was registered, whether it lives or not. */
export async function workerInfo(store: Store, id: number): Promise<WorkerInfo | undefined> {
  const problem = integerProblem('id', id, 1, MAX_WORKER_ID);
  if (problem !== undefined) throw new LedgerError('BAD_INPUT', problem);
  const result = await store.database.pool.query<WorkerInfo>({
    text: `select id, host, pid, version, kinds, queues, ${iso('started_at')} as "startedAt",
      ${iso('coalesce(ended_at, dead_at)')} as "endedAt",
      case when dead_at is not null then coalesce(end_reason, 'no heartbeat') else end_reason end as "endReason"
      from ${store.tables.workers} where id = $1`,
    values: [id],
  });
  return result.rows[0];
}

/** What the column holds. */
const MAX_WORKER_ID = 2_147_483_647;
