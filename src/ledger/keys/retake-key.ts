import type { Statement } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { isTerminal } from '../../job/state.js';
import { isLockTimeout, isRetryableConflict, sqlState } from '../../sql-errors.js';
import type { Change } from '../outcome/place.js';
import type { Store } from '../store.js';
import { freeExpiredStatement, holderOf, keyBusy, takeKeys, type KeyedJob } from './unique-keys.js';

/**
 * A job that had its unique key while it was active takes it again when it is retried, or the retry
 * is refused. In the retry's own transaction, so that both or neither happen; before the partition's
 * lock, since taking a key may wait for a stranger. The last statement fails (division by zero) if
 * another job has a key.
 */
export function keyStatements(store: Store, changes: readonly Change[]): readonly Statement[] {
  const jobs = changes.filter(isBackToLife).map(toKeyed);
  if (jobs.length === 0) return [];
  return [
    freeExpiredStatement(store, jobs),
    takeKeys(store, jobs),
    {
      text: `select 1 / (count(*) = $2)::int from ${store.tables.uniqueKeys}
        where job_id = any($1::uuid[]) and scope = 'active'`,
      values: [jobs.map(({ id }) => id), jobs.length],
    },
  ];
}

/** Why the keys could not be taken. */
export async function keyRefusal(
  store: Store,
  changes: readonly Change[],
  error: unknown,
): Promise<unknown> {
  const jobs = changes.filter(isBackToLife).map(toKeyed);
  if (isLockTimeout(error) || isRetryableConflict(error)) return keyBusy(jobs[0]!.key, error);
  if (sqlState(error) !== '22012') return error;
  for (const job of jobs) {
    const holder = await holderOf(store, job);
    if (holder === undefined || holder === job.id) continue;
    const message = `unique.key: ${JSON.stringify(job.key)} is taken by job ${holder}; job ${job.id} cannot be retried beside it`;
    return new LedgerError('UNIQUE_KEY_TAKEN', message, { jobId: job.id });
  }
  return new LedgerError('CONFLICT', 'unique.key: just changed hands; try again');
}

function isBackToLife({ before, after }: Change): boolean {
  if (before === undefined || after.unique?.scope !== 'active') return false;
  return isTerminal(before.state) && !isTerminal(after.state);
}

function toKeyed({ after }: Change): KeyedJob {
  const { id, kind, meta, unique } = after;
  return { id, kind, tenant: meta.tenant ?? '', ...unique! } as KeyedJob;
}
