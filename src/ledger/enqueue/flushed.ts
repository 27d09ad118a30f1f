import { LedgerError } from '../../errors.js';
import {
  asStoreError,
  isConnectionError,
  isLockTimeout,
  isRetryableConflict,
} from '../../sql-errors.js';
import type { NewJob } from './enqueue-statement.js';

/** What became of one job of a flush. A position of 0 means that it waits in the inbox. */
export type Flushed =
  | {
      readonly id: string;
      readonly position: number;
      readonly created: true;
      readonly state: 'available' | 'scheduled';
    }
  | { readonly id: string; readonly created: false }
  | { readonly error: Error };

/** The state of a job at the time `at` of its recording. */
export function stateOf(
  job: Pick<NewJob, 'delayMs' | 'runAt'>,
  at: string,
): 'available' | 'scheduled' {
  const waits = job.delayMs !== null ? job.delayMs > 0 : job.runAt !== null && job.runAt > at;
  return waits ? 'scheduled' : 'available';
}

/** True if the same jobs may simply be sent again. */
export function isTransient(error: unknown): boolean {
  return isConnectionError(error) || isLockTimeout(error) || isRetryableConflict(error);
}

/** The error for a row that Postgres refuses. */
export function unstorable(error: Error, jobId?: string): LedgerError {
  const message = `payload: Postgres cannot store it: ${error.message}`;
  return new LedgerError('UNSTORABLE', message, { ...(jobId && { jobId }), cause: error });
}

/** An error that carries its job's id: enqueueing with that id again can make no second job. */
export function enqueueFailure(error: unknown, jobId: string): LedgerError {
  const locked = isLockTimeout(error);
  const known = locked
    ? new LedgerError('STORE_UNREACHABLE', 'another session keeps the partition locked')
    : asStoreError(error);
  const code = known instanceof LedgerError ? known.code : 'INTERNAL';
  const text = known instanceof Error ? known.message : String(known);
  return new LedgerError(code, `enqueue: ${text} (job id ${jobId})`, { jobId, cause: error });
}
