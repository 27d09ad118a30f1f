import { setTimeout as pause } from 'node:timers/promises';
import { LedgerError } from '../errors.js';
import {
  asStoreError,
  isConnectionError,
  isLockTimeout,
  isUniqueViolation,
} from '../sql-errors.js';
import { newJobId, partitionOf } from './ids.js';
import { noteDuplicate } from './inbox.js';
import type { Flushed } from './enqueue-flush.js';
import type { Prepared } from './prepare.js';
import { readStream } from './read.js';
import type { Store } from './store.js';
import { appendKeyed, holderOf, refuseOrReturn, toKeyedJob } from './unique-keys.js';
import { wake } from './wake.js';

/**
 * Enqueues one job with a unique key. If somebody has the key, his job is the answer, and a note of
 * the duplicate goes to the inbox, from where it reaches that job's stream. Id and partition are
 * fixed before the first try, so that a lost acknowledgement makes no second job.
 */
export async function enqueueKeyed(
  store: Store,
  partition: number,
  prepared: Prepared,
  deadline: number,
): Promise<Flushed> {
  const job = toKeyedJob(prepared, prepared.id ?? newJobId(partition, store.partitions));
  const target = partitionOf(job.id, store.partitions);
  let sentBefore = false;
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    try {
      const { head, at, ids } = await appendKeyed(store, target, [job]);
      if (ids.length === 0) {
        const holder = await holderOf(store, job);
        if (holder === undefined) continue; // The key became free between the two statements.
        return await duplicate(store, prepared, holder);
      }
      const waits = job.delayMs !== null ? job.delayMs > 0 : job.runAt !== null && job.runAt > at;
      wake(
        store,
        waits ? { what: 'scheduled' } : { what: 'ready', partition: target, queue: job.queue },
      );
      return {
        id: job.id,
        position: head + 1,
        created: true,
        state: waits ? 'scheduled' : 'available',
      };
    } catch (error) {
      if (isUniqueViolation(error)) return await alreadyIn(store, prepared, job.id, sentBefore);
      if (error instanceof LedgerError) throw error;
      const again = isConnectionError(error) || isLockTimeout(error);
      if (!again || performance.now() > deadline) throw failure(error, job.id);
      sentBefore ||= isConnectionError(error);
      await pause(pauseMs);
    }
  }
}

async function duplicate(store: Store, prepared: Prepared, holder: string): Promise<Flushed> {
  await noteDuplicate(store, holder, prepared.actor);
  return refuseOrReturn(prepared, holder);
}

async function alreadyIn(
  store: Store,
  prepared: Prepared,
  id: string,
  sentBefore: boolean,
): Promise<Flushed> {
  const [first] = await readStream(store, id);
  if (first === undefined || !(sentBefore && prepared.id === undefined))
    return { id, created: false };
  const state = 'runAt' in first.data ? 'scheduled' : 'available';
  return { id, position: first.position, created: true, state };
}

function failure(error: unknown, jobId: string): LedgerError {
  const known = asStoreError(error);
  const code = known instanceof LedgerError ? known.code : 'INTERNAL';
  return new LedgerError(code, `enqueue: ${(known as Error).message} (job id ${jobId})`, {
    jobId,
    cause: error,
  });
}
