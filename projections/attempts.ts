import {
  column,
  defineProjection,
  nullable,
  type ErrorRecord,
  type EventOf,
  type JobSoFar,
  type RowOf,
} from 'jobledger';
import { outcomeOf } from './outcome.ts';

const columns = {
  job_id: column.uuid,
  attempt: column.integer,
  kind: column.text,
  queue: column.text,
  tenant: nullable(column.text),
  worker: column.integer,
  due_at: column.timestamp,
  started_at: column.timestamp,
  ended_at: nullable(column.timestamp),
  /** `running`, or how it ended: see `outcome.ts`. */
  outcome: column.text,
  /** Of a failure or loss what was decided, and why; else why it was released or how a canceled one ended. */
  reason: nullable(column.text),
  /** When the job was to be tried again because of it. */
  next_at: nullable(column.timestamp),
  wait_ms: column.number,
  /** Null while it runs, and if nobody knows how far it got. */
  run_ms: nullable(column.number),
  error_name: nullable(column.text),
  error: nullable(column.text),
  error_category: nullable(column.text),
  error_fingerprint: nullable(column.text),
  /** What its worker told of it after it had been decided otherwise. */
  late_outcome: nullable(column.text),
};

type Row = RowOf<typeof columns>;

/** Every attempt of every job. */
export const attempts = defineProjection({
  name: 'attempts',
  version: 1,
  columns,
  key: ['job_id', 'attempt'],
  job: 'job_id',
  rows: ({ streamId, data }) =>
    'attempt' in data && data.attempt !== undefined
      ? { job_id: streamId, attempt: data.attempt }
      : undefined,
  on: {
    AttemptStarted: (_row, event, job) => begun(event, job),
    AttemptSucceeded: (row, event) => ended(row, event, { runMs: event.data.durationMs }),
    AttemptFailed: (row, event) => {
      const { durationMs: runMs, decision, error, runAt } = event.data;
      return ended(row, event, { runMs, reason: decision.reason, nextAt: runAt, error });
    },
    AttemptLost: (row, event) => {
      const { decision, error, runAt } = event.data;
      return ended(row, event, { reason: decision.reason, nextAt: runAt, error });
    },
    AttemptReleased: (row, event) => ended(row, event, { reason: event.data.why }),
    JobSnoozed: (row, event) => {
      const { durationMs: runMs, runAt: nextAt } = event.data;
      return ended(row, event, { runMs, nextAt });
    },
    JobCanceled: (row, event) => {
      const { durationMs: runMs, ending: reason, error } = event.data;
      return ended(row, event, { runMs, reason, error });
    },
    OutcomeRejected: (row, { data }) => row && { ...row, late_outcome: data.outcome },
  },
  indexes: [['started_at'], ['worker', 'started_at'], ['error_fingerprint', 'started_at']],
});

function begun({ data, recordedAt }: EventOf<'AttemptStarted'>, job: JobSoFar): Row {
  return {
    job_id: job.id,
    attempt: data.attempt,
    kind: job.kind,
    queue: job.queue,
    tenant: job.tenant,
    worker: data.worker,
    due_at: job.dueAt,
    started_at: recordedAt,
    ended_at: null,
    outcome: 'running',
    reason: null,
    next_at: null,
    wait_ms: job.waitMs ?? 0,
    run_ms: null,
    error_name: null,
    error: null,
    error_category: null,
    error_fingerprint: null,
    late_outcome: null,
  };
}

interface Ending {
  readonly runMs?: number | undefined;
  readonly reason?: string | undefined;
  readonly nextAt?: string | undefined;
  readonly error?: ErrorRecord | undefined;
}

function ended(
  row: Row | undefined,
  event: Parameters<typeof outcomeOf>[0],
  { runMs, reason, nextAt, error }: Ending,
): Row | undefined {
  const outcome = outcomeOf(event);
  if (row === undefined || outcome === undefined) return row;
  return {
    ...row,
    ended_at: event.recordedAt,
    outcome,
    reason: reason ?? null,
    next_at: nextAt ?? null,
    run_ms: runMs ?? null,
    error_name: error?.name ?? null,
    error: error?.message ?? null,
    error_category: error?.category ?? null,
    error_fingerprint: error?.fingerprint ?? null,
  };
}
