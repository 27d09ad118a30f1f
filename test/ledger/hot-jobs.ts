import type pg from 'pg';
import { transact, type Statement } from '../../src/database.js';
import { enqueueStatement, type NewJob } from '../../src/ledger/enqueue/enqueue-statement.js';
import { newJobId } from '../../src/ledger/ids.js';
import { lockPartition, type Store } from '../../src/ledger/store.js';
import type { KeyedJob } from '../../src/ledger/keys/unique-keys.js';
import { BATCH } from './hot-step.js';
import { ENQUEUED, LINE } from './plan-states.js';

const { partition, queue, kind } = LINE;

/** A batch of new jobs, for now or for later. */
export function jobs(store: Store, delayMs: number | null = null): NewJob[] {
  return Array.from({ length: BATCH }, () => {
    const id = newJobId(partition, store.partitions);
    const rest = { priority: 0, maxAttempts: 25, data: ENQUEUED, meta: '{}', runAt: null };
    return { id, kind, queue, delayMs, ...rest };
  });
}

/** The same, each with a key of its own. */
export function keyed(store: Store): KeyedJob[] {
  return jobs(store).map((job) => ({ ...job, tenant: 'default', key: job.id, scope: 'active' }));
}

/** As the flush does it. */
export async function enqueue(store: Store, batch: readonly NewJob[]): Promise<number> {
  await run(store, enqueueStatement(store, partition, batch));
  return batch.length;
}

/** One statement under the lock of the partition. */
export async function run(
  store: Store,
  statement: Statement,
  at: number = partition,
): Promise<pg.QueryResult> {
  const results = await transact(store.database, [lockPartition(store, at), statement]);
  return results[1]!;
}

/** The line behind a place. */
export function stretch(seq: number) {
  return { kind, fromPriority: 0, fromSeq: seq, toPriority: 32_767 };
}
