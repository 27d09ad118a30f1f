import type { JobSoFar, Stay } from '../api-projector.js';
import type { EventOf, RecordedEvent } from '../job/events.js';
import { compareInstants } from '../job/instant.js';
import type { StateName } from '../job/state.js';
import { unreachable } from '../job/unreachable.js';

type Draft = { -readonly [K in keyof JobSoFar]: JobSoFar[K] };

/**
 * The job after one more event: what `evolve` says, less what read models do not need and less its
 * checks, since here it is the fold of every event of every rebuild. Throws if the event is not the
 * one that follows.
 */
export function advance(job: JobSoFar | undefined, event: RecordedEvent): JobSoFar {
  if (event.version !== (job?.version ?? 0) + 1)
    throw new Error(`version ${event.version} does not follow version ${job?.version ?? 0}`);
  if (job === undefined) return enqueued(event);
  const next: Draft = { ...job, version: event.version, updatedAt: event.recordedAt };
  change(next, event);
  return next;
}

function change(job: Draft, event: RecordedEvent): void {
  switch (event.type) {
    case 'JobEnqueued':
      throw new Error('the job is enqueued already');
    case 'JobDeduplicated':
    case 'ProgressReported':
    case 'OutcomeRejected':
    case 'CancelRequested':
      return;
    case 'AttemptStarted':
      return started(job, event);
    case 'AttemptSucceeded':
      job.runMs = event.data.durationMs;
      job.error = null;
      return ended(job, event, 'succeeded');
    case 'AttemptFailed':
      job.runMs = event.data.durationMs;
      return failed(job, event);
    case 'AttemptLost':
      return failed(job, event);
    case 'AttemptReleased':
      job.counted -= 1;
      return moved(job, event, 'available');
    case 'JobSnoozed':
      job.runMs = event.data.durationMs;
      job.counted -= 1;
      return moved(job, event, 'scheduled', event.data.runAt);
    case 'JobCanceled':
      job.runMs = event.data.durationMs ?? job.runMs;
      if (event.data.error !== undefined) job.error = errorOf(event.data.error);
      return ended(job, event, 'canceled');
    case 'JobRetried':
      job.maxAttempts = event.data.maxAttempts;
      job.finishedAt = null;
      if (event.data.payload !== undefined) job.payloadAt = event.position;
      return moved(job, event, 'available');
    case 'JobRescheduled':
      return moved(job, event, job.state, event.data.to);
    case 'JobReprioritized':
      job.priority = event.data.to;
      return;
    case 'JobDiscarded':
      return ended(job, event, 'discarded');
    default:
      return unreachable(event, 'event');
  }
}

function enqueued(event: RecordedEvent): JobSoFar {
  if (event.type !== 'JobEnqueued') throw new Error('the stream begins with JobEnqueued');
  const { data, meta, recordedAt } = event;
  const isLater = data.runAt !== undefined && compareInstants(data.runAt, recordedAt) > 0;
  // One plain literal: spreads would make objects that are slow to read and to copy.
  return {
    id: event.streamId,
    partition: event.partition,
    position: event.position,
    payloadAt: event.position,
    version: 1,
    kind: event.kind,
    queue: event.queue,
    priority: data.priority,
    attempt: 0,
    counted: 0,
    maxAttempts: data.maxAttempts,
    tenant: meta.tenant ?? null,
    principal: meta.principal ?? null,
    correlationId: meta.correlationId ?? null,
    causationId: meta.causationId ?? null,
    enqueuedAt: recordedAt,
    updatedAt: recordedAt,
    startedAt: null,
    finishedAt: null,
    worker: null,
    waitMs: null,
    runMs: null,
    error: null,
    before: null,
    state: isLater ? 'scheduled' : 'available',
    since: recordedAt,
    sinceVersion: 1,
    sincePosition: event.position,
    dueAt: isLater ? data.runAt! : recordedAt,
  };
}

function started(job: Draft, event: EventOf<'AttemptStarted'>): void {
  const { dueAt } = job;
  const { recordedAt, data } = event;
  job.attempt = data.attempt;
  job.counted += 1;
  job.startedAt = recordedAt;
  job.waitMs = Math.max(0, Date.parse(recordedAt) - Date.parse(dueAt));
  moved(job, event, 'running', dueAt);
  job.worker = data.worker;
}

function failed(job: Draft, event: EventOf<'AttemptFailed' | 'AttemptLost'>): void {
  job.error = errorOf(event.data.error);
  if (event.data.decision.action === 'fail') ended(job, event, 'failed');
  else moved(job, event, 'retrying', event.data.runAt);
}

function ended(job: Draft, event: RecordedEvent, state: StateName): void {
  moved(job, event, state, job.dueAt);
  job.finishedAt = event.recordedAt;
}

/** Another stay begins. */
function moved(job: Draft, event: RecordedEvent, state: StateName, dueAt = event.recordedAt): void {
  job.before = stayOf(job);
  job.state = state;
  job.since = event.recordedAt;
  job.sinceVersion = event.version;
  job.sincePosition = event.position;
  job.dueAt = dueAt;
  job.worker = null;
}

function stayOf({ state, since, sinceVersion, sincePosition, dueAt }: JobSoFar): Stay {
  return { state, since, sinceVersion, sincePosition, dueAt };
}

function errorOf({ message, category, fingerprint }: NonNullable<JobSoFar['error']>) {
  return { message, category, fingerprint };
}
