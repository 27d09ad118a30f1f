import { column, defineProjection, nullable, type JobSoFar, type RowOf } from 'jobledger';

const columns = {
  id: column.uuid,
  partition: column.integer,
  position: column.bigint,
  /** Position of the latest event that carries its whole payload. */
  payload_at: column.bigint,
  version: column.integer,
  kind: column.text,
  queue: column.text,
  state: column.text,
  priority: column.integer,
  /** Attempts begun, and those of them that count against the limit. */
  attempt: column.integer,
  counted: column.integer,
  max_attempts: column.integer,
  tenant: nullable(column.text),
  principal: nullable(column.text),
  correlation_id: nullable(column.text),
  causation_id: nullable(column.text),
  enqueued_at: column.timestamp,
  /** When it is or was due: at its enqueue, its retry, or the time that was asked for. */
  due_at: column.timestamp,
  started_at: nullable(column.timestamp),
  finished_at: nullable(column.timestamp),
  updated_at: column.timestamp,
  worker: nullable(column.integer),
  /** From when it was due to when its latest attempt began. */
  wait_ms: nullable(column.number),
  /** Of its latest attempt that ended and was not lost. */
  run_ms: nullable(column.number),
  /** The latest error stays until the job succeeds. */
  error: nullable(column.text),
  error_category: nullable(column.text),
  error_fingerprint: nullable(column.text),
};

/** Every job as it is now. */
export const jobs = defineProjection({
  name: 'jobs',
  version: 1,
  columns,
  key: ['id'],
  job: 'id',
  on: (_row, _event, job) => rowOf(job),
  indexes: [
    ['enqueued_at', 'id'],
    ['tenant', 'enqueued_at'],
    ['correlation_id'],
    ['error_fingerprint'],
  ],
  // What is due is available, and no event says so.
  view: {
    state: `case when state in ('scheduled', 'retrying') and due_at <= statement_timestamp() then 'available' else state end`,
  },
});

function rowOf(job: JobSoFar): RowOf<typeof columns> {
  return {
    id: job.id,
    partition: job.partition,
    position: job.position,
    payload_at: job.payloadAt,
    version: job.version,
    kind: job.kind,
    queue: job.queue,
    state: job.state,
    priority: job.priority,
    attempt: job.attempt,
    counted: job.counted,
    max_attempts: job.maxAttempts,
    tenant: job.tenant,
    principal: job.principal,
    correlation_id: job.correlationId,
    causation_id: job.causationId,
    enqueued_at: job.enqueuedAt,
    due_at: job.dueAt,
    started_at: job.startedAt,
    finished_at: job.finishedAt,
    updated_at: job.updatedAt,
    worker: job.worker,
    wait_ms: job.waitMs,
    run_ms: job.runMs,
    error: job.error?.message ?? null,
    error_category: job.error?.category ?? null,
    error_fingerprint: job.error?.fingerprint ?? null,
  };
}
