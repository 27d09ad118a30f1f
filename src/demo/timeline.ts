import { duration, percent } from '../human.js';
import type { RecordedEvent } from '../index.js';
import type { PackageAudit } from './audit-job.js';
import { decisionOf, msBetween, type AuditedJob } from './facts.js';
import { count, shortened, size, table } from './format.js';

/** The job with the most to tell: the longest history, the richer ending where two are as long. */
export function mostEventful(jobs: readonly AuditedJob[]): AuditedJob | undefined {
  const rank = ({ events }: AuditedJob) =>
    events.length * 2 + (events.at(-1)?.type === 'AttemptSucceeded' ? 1 : 0);
  return jobs.toSorted((a, b) => rank(b) - rank(a))[0];
}

/** A job's history, one line per event, with the time since it was enqueued. */
export function timeline({ events }: AuditedJob): readonly string[] {
  const [first] = events;
  if (first === undefined) return [];
  return table(
    events.map((event) => [
      `+${duration(msBetween(first, event))}`.padStart(8),
      `${event.version}`,
      event.type,
      story(event),
    ]),
  );
}

function story(event: RecordedEvent): string {
  switch (event.type) {
    case 'JobEnqueued':
      return `in queue ${event.queue}, for up to ${event.data.maxAttempts} attempts`;
    case 'AttemptStarted':
      return `attempt ${event.data.attempt} on worker ${event.data.worker}`;
    case 'ProgressReported':
      return `${percent(event.data.fraction)}, at ${shortened(event.data.note ?? '', 36)}`;
    case 'AttemptSucceeded':
      return `in ${duration(event.data.durationMs)}${found(event.data.result)}`;
    case 'AttemptFailed':
    case 'AttemptLost':
      return `${event.data.error.message}; ${next(event)}`;
    case 'AttemptReleased':
      return `attempt ${event.data.attempt} given back: ${event.data.why}`;
    case 'OutcomeRejected':
      return `${event.data.outcome} of attempt ${event.data.attempt}: ${event.data.reason}`;
    case 'CancelRequested':
    case 'JobCanceled':
    case 'JobRetried':
    case 'JobRescheduled':
    case 'JobReprioritized':
    case 'JobDiscarded':
      return `by ${event.meta.actor ?? 'nobody named'}: ${event.data.reason}`;
    case 'JobSnoozed':
    case 'JobDeduplicated':
      return '';
    default:
      event satisfies never;
      return '';
  }
}

function found(result: unknown): string {
  if (result === undefined) return '';
  const { files, bytes, licence } = result as PackageAudit;
  return `: ${count(files, 'file')}, ${size(bytes)}, ${licence ?? 'no licence'}`;
}

function next(event: RecordedEvent): string {
  const decision = decisionOf(event);
  if (decision?.action === 'retry') {
    return `again after ${duration(decision.delayMs)}`;
  }
  return `failed for good: ${decision?.reason ?? 'unknown'}`;
}
