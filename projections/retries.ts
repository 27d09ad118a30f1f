import { column, defineProjection, nullable, type JobSoFar, type RowOf } from 'jobledger';

const columns = {
  id: column.uuid,
  /** Both together, as `partition/position`, are the job's short id. */
  partition: column.integer,
  position: column.bigint,
  kind: column.text,
  queue: column.text,
  priority: column.integer,
  tenant: nullable(column.text),
  correlation_id: nullable(column.text),
  /** `retrying` or `scheduled`; `available` once it is due and waits for a worker. */
  state: column.text,
  waits_since: column.timestamp,
  due_at: column.timestamp,
  /**
   * `retryable` and `retry-after` (its last attempt failed; the latter if the error said when to come
   * again), `lost` (its worker was), `snoozed`, `delayed` (when it was enqueued), `rescheduled`.
   */
  why: column.text,
  /** The retry policy that made the delay. */
  policy: nullable(column.text),
  /** Who rescheduled it, and why. */
  actor: nullable(column.text),
  reason: nullable(column.text),
  /** Attempts begun, and those of them that count against the limit. */
  attempt: column.integer,
  counted: column.integer,
  max_attempts: column.integer,
  /** Its latest error, if there was any. */
  error: nullable(column.text),
  error_category: nullable(column.text),
  error_fingerprint: nullable(column.text),
};

type Row = RowOf<typeof columns>;

/** Jobs that wait for their time: until when, and why. */
export const retries = defineProjection({
  name: 'retries',
  version: 1,
  columns,
  key: ['id'],
  job: 'id',
  rows: ({ streamId }, { state, before }) =>
    waits(state) || waits(before?.state) ? { id: streamId } : undefined,
  on: {
    JobEnqueued: (_row, _event, job) => rowOf(job, { why: 'delayed' }),
    JobSnoozed: (_row, _event, job) => rowOf(job, { why: 'snoozed' }),
    AttemptFailed: (_row, { data }, job) => afterFailure(data.decision, job),
    AttemptLost: (_row, { data }, job) => afterFailure(data.decision, job),
    JobRescheduled: (_row, { data, meta }, job) =>
      rowOf(job, { why: 'rescheduled', actor: meta.actor, reason: data.reason }),
    JobReprioritized: (row, { data }) => row && { ...row, priority: data.to },
    AttemptStarted: () => undefined,
    JobCanceled: () => undefined,
    JobDiscarded: () => undefined,
  },
  indexes: [['due_at'], ['queue', 'kind'], ['error_fingerprint']],
  // What is due is available, and no event says so.
  view: { state: `case when due_at <= statement_timestamp() then 'available' else state end` },
});

function waits(state: JobSoFar['state'] | undefined): boolean {
  return state === 'scheduled' || state === 'retrying';
}

function afterFailure(
  decision: { readonly reason: string; readonly policy?: string | undefined },
  job: JobSoFar,
): Row | undefined {
  return rowOf(job, { why: decision.reason, policy: decision.policy });
}

interface Why {
  readonly why: string;
  readonly policy?: string | undefined;
  readonly actor?: string | undefined;
  readonly reason?: string | undefined;
}

function rowOf(job: JobSoFar, { why, policy, actor, reason }: Why): Row | undefined {
  if (!waits(job.state)) return undefined;
  return {
    id: job.id,
    partition: job.partition,
    position: job.position,
    kind: job.kind,
    queue: job.queue,
    priority: job.priority,
    tenant: job.tenant,
    correlation_id: job.correlationId,
    state: job.state,
    waits_since: job.since,
    due_at: job.dueAt,
    why,
    policy: policy ?? null,
    actor: actor ?? null,
    reason: reason ?? null,
    attempt: job.attempt,
    counted: job.counted,
    max_attempts: job.maxAttempts,
    error: job.error?.message ?? null,
    error_category: job.error?.category ?? null,
    error_fingerprint: job.error?.fingerprint ?? null,
  };
}
