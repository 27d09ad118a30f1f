import {
  column,
  defineProjection,
  nullable,
  type EventOf,
  type JobSoFar,
  type RowOf,
} from 'jobledger';

const columns = {
  id: column.uuid,
  /** Both together, as `partition/position`, are the job's short id. */
  partition: column.integer,
  position: column.bigint,
  kind: column.text,
  queue: column.text,
  priority: column.integer,
  tenant: nullable(column.text),
  principal: nullable(column.text),
  correlation_id: nullable(column.text),
  causation_id: nullable(column.text),
  /** Attempts begun, and those of them that count against the limit. */
  attempt: column.integer,
  counted: column.integer,
  max_attempts: column.integer,
  enqueued_at: column.timestamp,
  /** When its last attempt began, and when it failed for good. */
  started_at: nullable(column.timestamp),
  failed_at: column.timestamp,
  /** From when its last attempt was due to when it began. */
  wait_ms: nullable(column.number),
  /** Of the latest attempt that ended and was not lost. */
  run_ms: nullable(column.number),
  /** Why it is not tried again: exhausted, non-retryable, unknown-kind, invalid-payload … */
  decision: column.text,
  /** Whether its worker was lost in the last attempt. */
  lost: column.boolean,
  error_name: column.text,
  error: column.text,
  error_category: column.text,
  error_fingerprint: column.text,
};

/** Jobs that have failed for good and that nobody has retried or discarded yet. */
export const failedJobs = defineProjection({
  name: 'failed-jobs',
  version: 1,
  columns,
  key: ['id'],
  job: 'id',
  rows: ({ streamId }, job) => (isOrWasFailed(job) ? { id: streamId } : undefined),
  on: {
    AttemptFailed: (_row, event, job) => rowOf(event, job),
    AttemptLost: (_row, event, job) => rowOf(event, job),
    JobRetried: () => undefined,
    JobDiscarded: () => undefined,
  },
  indexes: [['queue', 'kind'], ['failed_at'], ['error_fingerprint'], ['correlation_id']],
});

/** Most failures and discards are about jobs that have no row here: no need to look for one. */
function isOrWasFailed({ state, before }: JobSoFar): boolean {
  return state === 'failed' || before?.state === 'failed';
}

function rowOf(
  event: EventOf<'AttemptFailed' | 'AttemptLost'>,
  job: JobSoFar,
): RowOf<typeof columns> | undefined {
  const { decision, error } = event.data;
  if (decision.action === 'retry') return undefined;
  return {
    id: job.id,
    partition: job.partition,
    position: job.position,
    kind: job.kind,
    queue: job.queue,
    priority: job.priority,
    tenant: job.tenant,
    principal: job.principal,
    correlation_id: job.correlationId,
    causation_id: job.causationId,
    attempt: job.attempt,
    counted: job.counted,
    max_attempts: job.maxAttempts,
    enqueued_at: job.enqueuedAt,
    started_at: job.startedAt,
    failed_at: event.recordedAt,
    wait_ms: job.waitMs,
    run_ms: job.runMs,
    decision: decision.reason,
    lost: event.type === 'AttemptLost',
    error_name: error.name,
    error: error.message,
    error_category: error.category,
    error_fingerprint: error.fingerprint,
  };
}
