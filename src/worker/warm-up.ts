import { transactOnLane } from '../database.js';
import { claimStatement } from '../ledger/claim/claim-statement.js';
import { fetchStatement } from '../ledger/claim/fetch-statement.js';
import { loneClaimStatement } from '../ledger/claim/lone-claim-statement.js';
import type { Store } from '../ledger/store.js';
import { succeedStatement } from '../ledger/outcome/succeed-statement.js';
import { promoteStatement } from './maintenance/promote.js';

/**
 * Has every partition's statements planned while there is nothing to do: on a connection that has
 * not seen them they take 3 ms, which the first job in each partition would wait for. They are run
 * without the partition's lock, so that they change nothing and keep nobody waiting.
 */
export async function warmUp(store: Store, worker: number): Promise<void> {
  // Behind a pooler nothing is kept of a plan.
  if (store.database.pooler) return;
  const partitions = Array.from({ length: store.partitions }, (_, partition) => partition);
  // One by one they go to the lane of quiet times, side by side to that of each.
  for (const partition of partitions) await runOnNothing(store, partition, worker);
  await Promise.all(partitions.map((partition) => runOnNothing(store, partition, worker)));
}

async function runOnNothing(store: Store, partition: number, worker: number): Promise<void> {
  const nothing = { worker, claim: 0, queue: '', stretches: [], free: 0, limit: 0 };
  const claim = { ...nothing, quarantine: false };
  await transactOnLane(
    store.database,
    partition,
    [
      loneClaimStatement(store, partition, claim),
      claimStatement(store, partition, claim),
      succeedStatement(store, partition, worker, []),
      promoteStatement(store, partition, 0),
    ],
    { after: [fetchStatement(store, partition, { worker, claim: 0, kind: '' })] },
  );
}
