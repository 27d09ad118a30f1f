import type { Log } from '../job/define.js';
import type { NewEvent } from '../job/events.js';
import type { StateName } from '../job/state.js';

/** The job of an ended attempt, as a log line names it. */
export interface EndedJob {
  readonly jobId: string;
  readonly kind: string;
  /** Number of the attempt that ended. */
  readonly attempt: number;
  /** How many attempts counted so far; those released or snoozed do not. */
  readonly counted: number;
  readonly maxAttempts: number;
  /** Leads to its span, if it has one. */
  readonly span?: { readonly logFields: Readonly<Record<string, string>> };
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
  const line = LINES[event.type];
  if (line === undefined) return; // Every other event ends no attempt.
  log[line.level](
    { ...(line.code === undefined ? {} : { code: line.code }), ...fields },
    line.text,
  );
}

interface Line {
  readonly level: 'debug' | 'info' | 'warn';
  readonly text: string;
  readonly code?: string;
}

const LINES: Partial<Record<NewEvent['type'], Line>> = {
  AttemptSucceeded: { level: 'debug', text: 'attempt succeeded' },
  AttemptFailed: { level: 'info', text: 'attempt failed; the job will be tried again' },
  AttemptLost: { level: 'warn', text: 'attempt lost', code: 'ATTEMPT_LOST' },
  AttemptReleased: { level: 'info', text: 'attempt released' },
  JobSnoozed: { level: 'info', text: 'job snoozed' },
  JobCanceled: { level: 'info', text: 'job canceled' },
};

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
  // The limit is one of counted attempts: where they differ, the number alone would seem beyond it.
  const counted = job.counted === attempt ? undefined : job.counted;
  const fields = {
    jobId,
    kind,
    attempt,
    counted,
    of: maxAttempts,
    outcome: to,
    durationMs,
    why,
    runAt,
  };
  const more = { category: error?.category, error: error?.message, nextInMs: delayMs };
  const said = Object.entries({ ...fields, ...more }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(said), ...job.span?.logFields };
}
