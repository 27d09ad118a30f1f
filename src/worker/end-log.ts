import type { Log } from '../job/define.js';
import type { NewEvent } from '../job/events.js';
import type { StateName } from '../job/state.js';

/** The job of an ended attempt, as a log line names it. */
export interface EndedJob {
  readonly jobId: string;
  readonly kind: string;
  /** Number of the attempt that ended. */
  readonly attempt: number;
  readonly maxAttempts: number;
}

/**
 * One line per ended attempt: success debug; retry, release, snooze and cancel info; loss warn; the
 * failure of the job error. Never the payload.
 */
export function logEnd(
  log: Log,
  job: EndedJob,
  event: Pick<NewEvent, 'type' | 'data'>,
  to: StateName,
): void {
  if (event.type === 'AttemptSucceeded' && log.isLevelEnabled?.('debug') === false) return;
  const fields = fieldsOf(job, event.data as EndData, to);
  if (to === 'failed') return log.error({ code: 'JOB_FAILED', ...fields }, 'job failed');
  switch (event.type) {
    case 'AttemptSucceeded':
      return log.debug(fields, 'attempt succeeded');
    case 'AttemptLost':
      return log.warn({ code: 'ATTEMPT_LOST', ...fields }, 'attempt lost');
    case 'AttemptFailed':
      return log.info(fields, 'attempt failed; the job will be tried again');
    case 'AttemptReleased':
      return log.info(fields, 'attempt released');
    case 'JobSnoozed':
      return log.info(fields, 'job snoozed');
    case 'JobCanceled':
      return log.info(fields, 'job canceled');
    default:
      return undefined; // Every other event ends no attempt.
  }
}

interface EndData {
  readonly durationMs?: number;
  readonly error?: { readonly category: string; readonly message: string };
  readonly decision?: { readonly action: string; readonly delayMs?: number };
  readonly delayMs?: number;
  readonly runAt?: string;
  readonly why?: string;
}

function fieldsOf(job: EndedJob, data: EndData, to: StateName): object {
  const { durationMs, error, decision, delayMs = decision?.delayMs, runAt, why } = data;
  const { jobId, kind, attempt, maxAttempts } = job;
  const fields = { jobId, kind, attempt, of: maxAttempts, outcome: to, durationMs, why, runAt };
  const more = { category: error?.category, error: error?.message, nextInMs: delayMs };
  const said = Object.entries({ ...fields, ...more }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(said);
}
