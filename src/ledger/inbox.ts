import { LedgerError } from '../errors.js';
import { newJobId } from './ids.js';
import type { Flushed } from './enqueue-flush.js';
import type { Prepared } from './prepare.js';
import { readStream } from './read.js';
import type { Store } from './store.js';
import { isLockTimeout } from '../sql-errors.js';
import { runnerOf, type Run } from './transaction.js';
import {
  freeExpiredStatement,
  keyBusy,
  refuseOrReturn,
  takeKeys,
  toKeyedJob,
  type KeyedJob,
} from './unique-keys.js';
import { wake } from './wake.js';

/**
 * The inbox holds what was accepted within callers' own transactions: it is truth, not derived, and
 * nothing ever drops a row. A caller's transaction writes here, and takes its unique key here, but
 * never touches a partition: an open transaction must not hold one. Movers bring committed rows
 * into the ledger.
 */
export async function enqueueInTransaction(
  store: Store,
  partition: number,
  prepared: Prepared,
  transaction: unknown,
): Promise<Flushed> {
  const run = runnerOf(transaction);
  const id = prepared.id ?? newJobId(partition, store.partitions);
  if (prepared.id !== undefined && (await readStream(store, id)).length > 0)
    return { id, created: false };
  if (prepared.unique !== undefined) {
    const holder = await takeKeyInTransaction(store, run, toKeyedJob(prepared, id));
    if (holder !== undefined) {
      await run(noteText(store), [holder, prepared.actor]);
      return refuseOrReturn(prepared, holder);
    }
  }
  await run(
    `insert into ${store.tables.inbox}(sort, job_id, kind, queue, priority, max_attempts, data, meta,
      run_at, tenant, unique_key, unique_held)
    values ('prepared', $1, $2, $3, $4, $5, $6, $7,
      coalesce($8::timestamptz, clock_timestamp() + ($9::float8 + $10::float8) * interval '1 millisecond'),
      $11, $12, true)`,
    [
      ...[
        id,
        prepared.kind,
        prepared.queue,
        prepared.priority,
        prepared.maxAttempts,
        prepared.data,
        prepared.meta,
      ],
      ...[prepared.runAt, prepared.delayMs, store.clockShiftMs()],
      ...[prepared.unique?.tenant ?? null, prepared.unique?.key ?? null],
    ],
  );
  return {
    id,
    position: 0,
    created: true,
    state: prepared.delayMs || prepared.runAt ? 'scheduled' : 'available',
  };
}

/** Leaves a note that somebody asked for a job that is there; the movers append it to its stream. */
export async function noteDuplicate(store: Store, jobId: string, by: string | null): Promise<void> {
  await store.database.pool.query(noteText(store), [jobId, by]);
  store.signals.emit({ what: 'inbox' });
}

/** Tells the movers at once, for rows whose transaction has just committed. */
export function wakeMovers(store: Store): void {
  wake(store, { what: 'inbox' });
}

function noteText(store: Store): string {
  return `insert into ${store.tables.inbox}(sort, job_id, actor) values ('duplicate', $1, $2)`;
}

/**
 * Under a savepoint and a time-out of its own: a key that another open transaction holds costs the
 * caller an error, not his transaction.
 */
async function takeKeyInTransaction(
  store: Store,
  run: Run,
  job: KeyedJob,
): Promise<string | undefined> {
  const expired = freeExpiredStatement(store, [job]);
  const take = takeKeys(store, [job]);
  await run('savepoint jobledger_key', []);
  try {
    const [before] = await run(`select current_setting('lock_timeout') as value`, []);
    await run(`select set_config('lock_timeout', '2s', true)`, []);
    await run(expired.text, expired.values);
    const taken = await run(take.text, take.values);
    await run(`select set_config('lock_timeout', $1, true)`, [before?.['value'] ?? '0']);
    await run('release savepoint jobledger_key', []);
    if (taken.length > 0) return undefined;
  } catch (error) {
    await run('rollback to savepoint jobledger_key', []);
    if (isLockTimeout(error)) throw keyBusy(job.key, error);
    throw error;
  }
  const [holder] = await run(
    `select job_id as id from ${store.tables.uniqueKeys} where tenant = $1 and kind = $2 and key = $3`,
    [job.tenant, job.kind, job.key],
  );
  // The snapshot of a repeatable-read transaction may be older than the row that stands in the way.
  if (holder === undefined)
    throw new LedgerError('CONFLICT', 'unique.key: just changed hands; try again');
  return holder['id'] as string;
}
