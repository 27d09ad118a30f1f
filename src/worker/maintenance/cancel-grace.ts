import { groupBy } from '../../group-by.js';
import { execute, type Execution } from '../../ledger/execute.js';
import type { Store } from '../../ledger/store.js';
import { inEach } from '../side-by-side.js';

/** Ends the leases of canceled jobs whose handlers have not returned within the grace. */
export async function endCanceled(store: Store, graceMs: number): Promise<readonly Execution[]> {
  const result = await store.database.pool.query<{
    job_id: string;
    attempt: number;
    partition: number;
  }>({
    text: `select job_id, attempt, partition from ${store.tables.leases}
      where cancel_at < clock_timestamp() - $1::float8 * interval '1 millisecond' limit 200`,
    values: [graceMs],
  });
  const executions: Execution[] = [];
  const groups = [...groupBy(result.rows, (row) => row.partition)];
  const items = groups.map(([partition, rows]) => ({ partition, rows }));
  await inEach(store, 'cancel', items, async ({ partition, rows }) => {
    const orders = rows.map(({ job_id, attempt }) => {
      return { jobId: job_id, command: { type: 'EndCanceledAttempt', attempt } } as const;
    });
    executions.push(...(await execute(store, partition, orders)));
  });
  return executions;
}
