import { LedgerError } from '../../errors.js';
import type { InboxRow } from './inbox-row.js';
import type { Store } from '../store.js';

/**
 * Leaves the row where it is, with its error: it may be mended or discarded, and delays nobody. A row
 * that somebody is mending just now is left for a later look.
 */
export async function setAside(
  store: Store,
  row: Pick<InboxRow, 'id' | 'job_id'>,
  error: string,
): Promise<void> {
  const { inbox } = store.tables;
  const { rowCount } = await store.database.pool.query({
    text: `update ${inbox} set set_aside_at = clock_timestamp(), error = $2 where id = any(array(
        select id from ${inbox} where id = $1 and set_aside_at is null for update skip locked))`,
    values: [row.id, error],
  });
  if (rowCount === 0) return;
  store.log.warn(
    { code: 'SET_ASIDE', inboxId: row.id, jobId: row.job_id, error },
    'inbox row set aside',
  );
}

/**
 * Refuses, with the reason, an id that is none of a job because its row was set aside. What became of
 * it is decided by SQL: there is no stream yet that could say who decided.
 */
export async function refuseSetAside(store: Store, jobId: string): Promise<void> {
  const { rows } = await store.database.pool.query<{ id: number; error: string }>({
    text: `select id, error from (select * from ${store.tables.inbox} where job_id = $1 offset 0) of_job
      where set_aside_at is not null order by id limit 1`,
    values: [jobId],
  });
  const [row] = rows;
  if (row === undefined) return;
  const message = `job ${jobId}: set aside, ${row.error}; mend or delete row ${row.id} of ${store.tables.inbox}`;
  throw new LedgerError('ILLEGAL_STATE', message, { jobId });
}

/** An error in one line, as it is kept beside a row. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
