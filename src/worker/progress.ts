import { groupBy } from '../group-by.js';
import { execute } from '../ledger/outcome/execute.js';
import type { Store } from '../ledger/store.js';
import type { Attempt } from './attempt.js';
import { inEach } from './side-by-side.js';

/** Records the latest progress of each attempt that has some; at most once a second per attempt. */
export async function recordProgress(store: Store, attempts: Set<Attempt>): Promise<void> {
  const reported = [...attempts].filter((attempt) => attempt.outcome === undefined);
  attempts.clear();
  const groups = [...groupBy(reported, (attempt) => attempt.claim.partition)];
  const items = groups.map(([partition, group]) => ({ partition, group }));
  await inEach(store, 'progress', items, async ({ partition, group }) => {
    const orders = group.map((attempt) => {
      const { row, claim, progress } = attempt;
      const command = {
        type: 'ReportProgress',
        attempt: row.attempt,
        worker: claim.worker,
        ...progress!,
      } as const;
      return { jobId: row.job_id, command };
    });
    await execute(store, partition, orders);
  });
}
