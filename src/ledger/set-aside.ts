import type { InboxRow } from './inbox-row.js';
import type { Store } from './store.js';

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

/** An error in one line, as it is kept beside a row. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
