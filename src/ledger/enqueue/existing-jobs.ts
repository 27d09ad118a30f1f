import { LedgerError } from '../../errors.js';
import type { NewJob } from './enqueue-statement.js';
import type { Flushed } from './flushed.js';
import type { Store } from '../store.js';

/** A job that is in the ledger under an id that somebody enqueues again. */
export interface Existing {
  readonly kind: string;
  readonly position: number;
  readonly waits: boolean;
}

/** Which of these ids of a partition have a job already. */
export async function existingJobs(
  store: Store,
  partition: number,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Existing>> {
  const result = await store.database.pool.query<Existing & { id: string }>({
    text: `select e.id, e.kind, e.position, e.waits from unnest($1::uuid[]) wanted(id)
      cross join lateral (select stream_id as id, kind, position, data ? 'runAt' as waits
        from ${store.tables.eventsOf(partition)} where stream_id = wanted.id and version = 1 offset 0) e`,
    values: [ids],
  });
  return new Map(result.rows.map((row) => [row.id, row]));
}

/**
 * The answer to who enqueues an id that is there. An id that was made here (`ours`) can only be there
 * because an earlier try of this very enqueue got in and its acknowledgement was lost.
 */
export function answerExisting(
  job: Pick<NewJob, 'id' | 'kind'>,
  found: Existing,
  ours: boolean,
): Flushed {
  if (found.kind !== job.kind) return { error: jobExists(job.id, found.kind) };
  if (!ours) return { id: job.id, created: false };
  const state = found.waits ? 'scheduled' : 'available';
  return { id: job.id, position: found.position, created: true, state };
}

/** The error for an id that a job of another kind has. */
export function jobExists(jobId: string, kind: string): LedgerError {
  const message = `id: ${jobId} is a job of kind ${JSON.stringify(kind)} already`;
  return new LedgerError('JOB_EXISTS', message, { jobId });
}
