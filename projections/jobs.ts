import {
  column,
  defineProjection,
  nullable,
  type EventOf,
  type RecordedEvent,
  type RowOf,
} from 'jobledger';

const columns = {
  id: column.uuid,
  partition: column.integer,
  position: column.bigint,
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
  /** When it is or was due: at its enqueue, its retry, or the time that was asked for. */
  due_at: column.timestamp,
  enqueued_at: column.timestamp,
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

type Row = RowOf<typeof columns>;

/** Every job as it is now. */
export const jobs = defineProjection({
  name: 'jobs',
  version: 1,
  columns,
  key: ['id'],
  rows: ({ streamId }) => ({ id: streamId }),
  // What is due is available, and no event says so.
  view: {
    state: `case when state in ('scheduled', 'retrying') and due_at <= clock_timestamp() then 'available' else state end`,
  },
  on: {
    JobEnqueued: (_, event) => enqueued(event),
    JobDeduplicated: (row, event) => touched(row!, event),
    ProgressReported: (row, event) => touched(row!, event),
    OutcomeRejected: (row, event) => touched(row!, event),
    CancelRequested: (row, event) => touched(row!, event),
    AttemptStarted: (row, event) => ({
      ...touched(row!, event),
      state: 'running',
      attempt: event.data.attempt,
      counted: row!.counted + 1,
      worker: event.data.worker,
      started_at: event.recordedAt,
      wait_ms: Math.max(0, msBetween(row!.due_at, event.recordedAt)),
    }),
    AttemptSucceeded: (row, event) => ({
      ...ended(row!, event, 'succeeded'),
      ...{ error: null, error_category: null, error_fingerprint: null },
      run_ms: event.data.durationMs,
    }),
    AttemptFailed: (row, event) => ({ ...failed(row!, event), run_ms: event.data.durationMs }),
    AttemptLost: (row, event) => failed(row!, event),
    AttemptReleased: (row, event) => ({ ...uncounted(row!, event), state: 'available' }),
    JobSnoozed: (row, event) => ({
      ...uncounted(row!, event),
      state: 'scheduled',
      due_at: event.data.runAt ?? event.recordedAt,
      run_ms: event.data.durationMs,
    }),
    JobCanceled: (row, event) => ({
      ...ended(row!, event, 'canceled'),
      ...(event.data.error && errorOf(event.data.error)),
      run_ms: event.data.durationMs ?? row!.run_ms,
    }),
    JobDiscarded: (row, event) => ended(row!, event, 'discarded'),
    JobRetried: (row, event) => ({
      ...touched(row!, event),
      state: 'available',
      max_attempts: event.data.maxAttempts,
      due_at: event.recordedAt,
      finished_at: null,
    }),
    JobRescheduled: (row, event) => ({ ...touched(row!, event), due_at: event.data.runAt }),
    JobReprioritized: (row, event) => ({ ...touched(row!, event), priority: event.data.to }),
  },
});

function enqueued(event: EventOf<'JobEnqueued'>): Row {
  const { data, meta, recordedAt } = event;
  const isLater = data.runAt !== undefined && Date.parse(data.runAt) > Date.parse(recordedAt);
  return {
    id: event.streamId,
    partition: event.partition,
    position: event.position,
    version: event.version,
    kind: event.kind,
    queue: event.queue,
    state: isLater ? 'scheduled' : 'available',
    priority: data.priority,
    attempt: 0,
    counted: 0,
    max_attempts: data.maxAttempts,
    tenant: meta.tenant ?? null,
    principal: meta.principal ?? null,
    correlation_id: meta.correlationId ?? null,
    causation_id: meta.causationId ?? null,
    due_at: isLater ? data.runAt! : recordedAt,
    enqueued_at: recordedAt,
    started_at: null,
    finished_at: null,
    updated_at: recordedAt,
    worker: null,
    wait_ms: null,
    run_ms: null,
    error: null,
    error_category: null,
    error_fingerprint: null,
  };
}

function touched(row: Row, event: RecordedEvent): Row {
  return { ...row, version: event.version, updated_at: event.recordedAt };
}

function ended(row: Row, event: RecordedEvent, state: string): Row {
  return { ...touched(row, event), state, finished_at: event.recordedAt, worker: null };
}

/** Given back or put off: the attempt does not count. */
function uncounted(row: Row, event: RecordedEvent): Row {
  const counted = row.counted - 1;
  return { ...touched(row, event), counted, worker: null, due_at: event.recordedAt };
}

function failed(row: Row, event: EventOf<'AttemptFailed' | 'AttemptLost'>): Row {
  const { decision, error, runAt } = event.data;
  if (decision.action === 'fail') return { ...ended(row, event, 'failed'), ...errorOf(error) };
  const due_at = runAt ?? event.recordedAt;
  return { ...touched(row, event), ...errorOf(error), state: 'retrying', worker: null, due_at };
}

function errorOf(error: { message: string; category: string; fingerprint: string }): Partial<Row> {
  const { message, category, fingerprint } = error;
  return { error: message, error_category: category, error_fingerprint: fingerprint };
}

function msBetween(from: string, to: string): number {
  return Date.parse(to) - Date.parse(from);
}
