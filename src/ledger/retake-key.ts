import { LedgerError } from '../errors.js';
import { lookUp } from './look-up.js';
import type { Store } from './store.js';
import { isLockTimeout } from '../sql-errors.js';
import { freeExpiredStatement, holderOf, keyBusy, takeKeys, type KeyedJob } from './unique-keys.js';

/**
 * A job that had its unique key while it was active takes it again before it is retried, or is
 * refused. Before the partition's lock, for taking a key may wait for a stranger. Gives how to undo
 * it, if the retry itself comes to nothing.
 */
export async function retakeKey(
  store: Store,
  jobId: string,
): Promise<(() => Promise<void>) | undefined> {
  const job = await lookUp(store, jobId);
  if (job?.state !== 'failed' || job.unique?.scope !== 'active') return undefined;
  const { key, scope } = job.unique;
  const keyed = {
    id: job.id,
    tenant: job.meta.tenant ?? '',
    kind: job.kind,
    key,
    scope,
  } as KeyedJob;
  const { pool } = store.database;
  const expired = freeExpiredStatement(store, [keyed]);
  await pool.query(expired.text, expired.values);
  const take = takeKeys(store, [keyed]);
  const taken = await pool.query(take.text, take.values).catch((error: unknown) => {
    throw isLockTimeout(error) ? keyBusy(key, error) : error;
  });
  const holder = taken.rowCount === 0 ? await holderOf(store, keyed) : job.id;
  if (holder !== job.id) {
    const message = `unique.key: ${JSON.stringify(key)} is taken by job ${holder}; job ${jobId} cannot be retried beside it`;
    throw new LedgerError('UNIQUE_KEY_TAKEN', message, { jobId });
  }
  if (taken.rowCount === 0) return undefined;
  return async () => {
    // Another operator's retry may have won meanwhile: then the key is the job's by right.
    const now = await lookUp(store, jobId);
    if (now?.state !== 'failed') return;
    await pool.query(
      `delete from ${store.tables.uniqueKeys} where job_id = $1 and scope = 'active'`,
      [jobId],
    );
  };
}
