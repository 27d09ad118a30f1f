import { LedgerError } from '../../errors.js';
import { isLockTimeout, sqlState } from '../../sql-errors.js';
import { bad } from '../check.js';
import type { Entry } from '../enqueue/enqueue-flush.js';
import { jobExists } from '../enqueue/existing-jobs.js';
import type { Flushed } from '../enqueue/flushed.js';
import { partitionOf } from '../ids.js';
import type { Prepared } from '../enqueue/prepare.js';
import { clock, type Store } from '../store.js';
import { runnerOf, type Run } from '../transaction.js';
import {
  freeExpiredStatement,
  keyBusy,
  refuseOrReturn,
  takeKeys,
  toKeyedJob,
  type KeyedJob,
} from '../keys/unique-keys.js';

/**
 * The inbox holds what was accepted within callers' own transactions: it is truth, not derived, and
 * nothing ever drops a row. A caller's transaction writes here, and takes its unique key here, but
 * never touches a partition: an open transaction must not hold one. Movers bring committed rows
 * into the ledger. `mayExist` looks first whether the id has its job already.
 */
export async function enqueueInTransaction(
  store: Store,
  prepared: Prepared,
  entry: Entry,
  transaction: unknown,
  mayExist = !entry.ours,
): Promise<Flushed> {
  const run = runnerOf(transaction);
  const found = mayExist ? await existing(store, run, entry) : undefined;
  if (found !== undefined) return found;
  if (prepared.unique !== undefined) {
    const holder = await takeKeyInTransaction(store, run, toKeyedJob(prepared, entry.id));
    if (holder !== undefined && holder !== entry.id) {
      await run(noteText(store), [holder, prepared.actor]);
      return refuseOrReturn(prepared, holder);
    }
  }
  return insert(store, run, prepared, entry);
}

/** Leaves a note that somebody asked for a job that is there; the movers append it to its stream. */
export async function noteDuplicate(store: Store, jobId: string, by: string | null): Promise<void> {
  await store.database.pool.query(noteText(store), [jobId, by]);
  store.signals.emit({ what: 'inbox' });
}

function noteText(store: Store): string {
  return `insert into ${store.tables.inbox}(sort, job_id, actor) values ('duplicate', $1, $2)`;
}

async function existing(store: Store, run: Run, entry: Entry): Promise<Flushed | undefined> {
  const events = store.tables.eventsOf(partitionOf(entry.id, store.partitions));
  const [found] = await run(
    `select kind, false as waits from ${events} where stream_id = $1 and version = 1
     union all select kind, run_at > ${clock('$2')} from ${store.tables.inbox}
       where job_id = $1 and sort <> 'duplicate' and set_aside_at is null`,
    [entry.id, store.clockShiftMs()],
  );
  if (found === undefined) return undefined;
  if (found['kind'] !== entry.kind) return { error: jobExists(entry.id, String(found['kind'])) };
  if (!entry.ours) return { id: entry.id, created: false };
  const state = found['waits'] === true ? 'scheduled' : 'available';
  return { id: entry.id, position: 0, created: true, state };
}

async function insert(store: Store, run: Run, prepared: Prepared, { id }: Entry): Promise<Flushed> {
  const { kind, queue, priority, maxAttempts, data, meta, runAt, delayMs, unique } = prepared;
  const job = [id, kind, queue, priority, maxAttempts, data, meta];
  const due = [runAt, delayMs, store.clockShiftMs()];
  const [row] = await run(
    `insert into ${store.tables.inbox}(sort, job_id, kind, queue, priority, max_attempts, data, meta,
      run_at, tenant, unique_key, unique_held)
    values ('prepared', $1, $2, $3, $4, $5, $6, $7,
      coalesce($8::timestamptz, ${clock('$10')} + $9::float8 * interval '1 millisecond'),
      $11, $12, true)
    returning coalesce(run_at > ${clock('$10')}, false) as waits`,
    [...job, ...due, unique?.tenant ?? null, unique?.key ?? null],
  );
  const state = row?.['waits'] === true ? 'scheduled' : 'available';
  return { id, position: 0, created: true, state };
}

/**
 * Under a savepoint and a time-out of its own: a key that another open transaction holds costs the
 * caller an error, not his transaction. Gives the job that has the key, if another than this one.
 */
async function takeKeyInTransaction(
  store: Store,
  run: Run,
  job: KeyedJob,
): Promise<string | undefined> {
  const expired = freeExpiredStatement(store, [job]);
  const take = takeKeys(store, [job]);
  await run('savepoint jobledger_key', []).catch((error: unknown) => {
    if (sqlState(error) !== '25P01') throw error;
    throw bad('transaction: expected a client with an open transaction (send BEGIN first)');
  });
  try {
    const [before] = await run(`select current_setting('lock_timeout') as value`, []);
    await run(`select set_config('lock_timeout', '2s', true)`, []);
    await run(expired.text, expired.values);
    const taken = await run(take.text, take.values);
    await run(`select set_config('lock_timeout', $1, true)`, [before?.['value'] ?? '0']);
    await run('release savepoint jobledger_key', []);
    if (taken.length > 0) return undefined;
  } catch (error) {
    await run('rollback to savepoint jobledger_key', []).catch(() => {});
    await run('release savepoint jobledger_key', []).catch(() => {});
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
