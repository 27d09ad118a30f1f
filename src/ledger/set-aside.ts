import type { InboxRow } from './inbox-row.js';
import type { Store } from './store.js';

/** Leaves the row where it is, with its error: it may be mended or discarded, and delays nobody. */
export async function setAside(
  store: Store,
  row: Pick<InboxRow, 'id' | 'job_id'>,
  error: string,
): Promise<void> {
  store.log.warn(
    { code: 'SET_ASIDE', inboxId: row.id, jobId: row.job_id, error },
    'inbox row set aside',
  );
  await store.database.pool.query({
    text: `update ${store.tables.inbox} set set_aside_at = clock_timestamp(), error = $2
      where id = $1 and set_aside_at is null`,
    values: [row.id, error],
  });
}

/** An error in one line, as it is kept beside a row. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
