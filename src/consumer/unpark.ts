import type { PoolClient } from 'pg';
import type { ParkedFilter, Unparked } from '../api-consumer.js';
import { callHandler } from './call-handler.js';
import { errorText } from './error-text.js';
import type { Group } from './group.js';
import { inTransaction } from './in-transaction.js';
import {
  deleteParked,
  firstParked,
  parkedJobs,
  updateParked,
  type StoredParking,
} from './parked.js';
import { countParked } from './positions.js';
import { Watch } from './watch.js';

/** Runs parked events again, job by job and in order; a job ends at its first event that fails. */
export async function unparkAll(group: Group, filter: ParkedFilter): Promise<Unparked> {
  const failed: string[] = [];
  let applied = 0;
  for (const { partition, jobId } of await parkedJobs(group, filter)) {
    const done = await unparkJob(group, partition, jobId);
    applied += done.applied;
    if (done.isParked) failed.push(jobId);
  }
  return { applied, failed };
}

async function unparkJob(group: Group, partition: number, jobId: string) {
  for (let applied = 0; ; applied += 1) {
    const outcome = await unparkFirst(group, partition, jobId);
    if (outcome !== 'applied') return { applied, isParked: outcome === 'failed' };
  }
}

/** New events of the job are parked behind, or wait for the partition's row: the order holds. */
async function unparkFirst(
  group: Group,
  partition: number,
  jobId: string,
): Promise<'applied' | 'failed' | 'none'> {
  let parked: StoredParking | undefined;
  try {
    return await inTransaction(group, partition, async (client) => {
      parked = await firstParked(client, group, partition, jobId);
      if (parked === undefined) return 'none';
      await runParked(group, client, parked);
      return 'applied';
    });
  } catch (error) {
    if (parked === undefined || !(error instanceof ParkedAgain)) throw error;
    const { attempts } = parked;
    await updateParked(group, { ...parked, error: errorText(error.cause), attempts: attempts + 1 });
    return 'failed';
  }
}

async function runParked(group: Group, client: PoolClient, parked: StoredParking): Promise<void> {
  try {
    await callHandler(group, parked.event, client, parked.attempts + 1, new Watch());
  } catch (error) {
    throw new ParkedAgain('the handler failed again', { cause: error });
  }
  await deleteParked(client, group, parked);
  await countParked(client, group, parked.partition);
}

class ParkedAgain extends Error {}
