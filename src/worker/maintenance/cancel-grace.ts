import { groupBy } from '../../group-by.js';
import { execute } from '../../ledger/outcome/execute.js';
import type { Execution } from '../../ledger/outcome/execution.js';
import type { Store } from '../../ledger/store.js';
import { inEach } from '../side-by-side.js';

const BATCH = 200;

interface CanceledLease {
  readonly job_id: string;
  readonly attempt: number;
  readonly partition: number;
}

/** Ends the leases of canceled jobs whose handlers have not returned within the grace. */
export async function endCanceled(store: Store, graceMs: number): Promise<readonly Execution[]> {
  const executions: Execution[] = [];
  // By id, and every one once: those that cannot be ended must hide none.
  for (let after: string | null = null; ;) {
    const leases = await overdue(store, graceMs, after);
    executions.push(...(await endAll(store, leases)));
    if (leases.length < BATCH) return executions;
    after = leases.at(-1)!.job_id;
  }
}

async function overdue(
  store: Store,
  graceMs: number,
  after: string | null,
): Promise<readonly CanceledLease[]> {
  const result = await store.database.pool.query<CanceledLease>({
    text: `select job_id, attempt, partition from ${store.tables.leases}
      where cancel_at < clock_timestamp() - $1::float8 * interval '1 millisecond'
        and ($2::uuid is null or job_id > $2) order by job_id limit ${BATCH}`,
    values: [graceMs, after],
  });
  return result.rows;
}

async function endAll(
  store: Store,
  leases: readonly CanceledLease[],
): Promise<readonly Execution[]> {
  const executions: Execution[] = [];
  const groups = [...groupBy(leases, (row) => row.partition)];
  const items = groups.map(([partition, rows]) => ({ partition, rows }));
  await inEach(store, 'cancel', items, async ({ partition, rows }) => {
    const orders = rows.map(({ job_id, attempt }) => {
      return { jobId: job_id, command: { type: 'EndCanceledAttempt', attempt } } as const;
    });
    executions.push(...(await execute(store, partition, orders)));
  });
  return executions;
}
