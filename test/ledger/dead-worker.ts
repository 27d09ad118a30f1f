import { claimStatement } from '../../src/ledger/claim/claim-statement.js';
import type { Store } from '../../src/ledger/store.js';
import { run } from './hot-jobs.js';

/**
 * Leaves what a worker leaves that was killed an hour ago: its row and leases, up to two in every
 * other partition. Gives its id.
 */
export async function leaveLeases(store: Store, kind: string): Promise<number> {
  const { rows } = await store.database.pool.query<{ id: number }>(
    `insert into jobledger.workers(host, pid, version, queues, kinds, lease_ms, beat_at)
      values ('gone', 1, '1', '{default}', array[$1], 300, now() - interval '1 hour') returning id`,
    [kind],
  );
  const worker = rows[0]!.id;
  const stretches = [{ kind, fromPriority: -32_768, fromSeq: 0, toPriority: 32_767 }];
  const limits = { free: 2, limit: 2, quarantine: true };
  for (let partition = 0; partition < store.partitions; partition += 2) {
    const claim = { worker, claim: partition + 1, queue: 'default', stretches, ...limits };
    await run(store, claimStatement(store, partition, claim), partition);
  }
  return worker;
}
