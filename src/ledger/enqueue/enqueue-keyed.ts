import { setTimeout as pause } from 'node:timers/promises';
import { LedgerError } from '../../errors.js';
import { isDataError, isLockTimeout, isUniqueViolation } from '../../sql-errors.js';
import { announce, toEntry, type Entry } from './enqueue-flush.js';
import { answerExisting, existingJobs } from './existing-jobs.js';
import { enqueueFailure, isTransient, stateOf, unstorable, type Flushed } from './flushed.js';
import { partitionOf } from '../ids.js';
import { noteDuplicate } from '../inbox/inbox.js';
import type { Prepared } from './prepare.js';
import type { Store } from '../store.js';
import { appendKeyed, holderOf, refuseOrReturn, toKeyedJob } from '../keys/unique-keys.js';

/**
 * Enqueues one job with a unique key. If somebody has the key, his job is the answer, and a note of
 * the duplicate goes to the inbox, from where it reaches that job's stream. Id and partition are
 * fixed before the first try, so that a lost acknowledgement makes no second job; only a lock
 * time-out, after which surely nothing was done, lets it take another partition.
 */
export async function enqueueKeyed(
  store: Store,
  partition: number,
  prepared: Prepared,
  deadline: number,
): Promise<Flushed> {
  let turn = partition;
  let entry = toEntry(prepared, turn, store.partitions);
  let sentBefore = false;
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    try {
      const flushed = await tryOnce(store, prepared, entry, sentBefore);
      if (flushed !== undefined) return flushed;
      if (performance.now() > deadline)
        throw new LedgerError('UNIQUE_KEY_BUSY', 'unique.key: keeps changing hands; try again');
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      if (isDataError(error)) throw unstorable(error as Error, entry.id);
      if (!isTransient(error) || performance.now() > deadline)
        throw enqueueFailure(error, entry.id);
      if (!isLockTimeout(error)) {
        sentBefore = true;
        await pause(pauseMs);
      } else if (entry.ours && !sentBefore) {
        turn = (turn + 1) % store.partitions;
        entry = toEntry(prepared, turn, store.partitions);
      }
    }
  }
}

/** One try; undefined if the key became free while it was asked for. */
async function tryOnce(
  store: Store,
  prepared: Prepared,
  entry: Entry,
  sentBefore: boolean,
): Promise<Flushed | undefined> {
  const partition = partitionOf(entry.id, store.partitions);
  const job = toKeyedJob(prepared, entry.id);
  try {
    const { head, at, ids } = await appendKeyed(store, partition, [job]);
    if (ids.length > 0) {
      announce(store, partition, [job]);
      return { id: job.id, position: head + 1, created: true, state: stateOf(job, at) };
    }
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    return (await alreadyIn(store, partition, entry)) ?? { error: unstorable(error as Error) };
  }
  // Another job has the key, perhaps since this one came in at an earlier try and has ended.
  const earlier = sentBefore || !entry.ours ? await alreadyIn(store, partition, entry) : undefined;
  if (earlier !== undefined) return earlier;
  const holder = await holderOf(store, job);
  if (holder === undefined) return undefined;
  await noteDuplicate(store, holder, prepared.actor);
  return refuseOrReturn(prepared, holder);
}

async function alreadyIn(
  store: Store,
  partition: number,
  entry: Entry,
): Promise<Flushed | undefined> {
  const found = (await existingJobs(store, partition, [entry.id])).get(entry.id);
  if (found === undefined) return undefined;
  // The try that got it in was never answered, so nobody may have been told of it.
  announce(store, partition, [entry]);
  return answerExisting(entry, found, entry.ours);
}
