import { column, defineProjection, type Column, type EventOf, type RowOf } from 'jobledger';

/** Kinds and queues that a group names; of more, the first in the order of their names. */
const MOST_NAMES = 20;

const names = column.json as Column<readonly string[]>;

const columns = {
  fingerprint: column.text,
  /** Failed and lost attempts; and those of them by which the job failed for good. */
  count: column.bigint,
  jobs_failed: column.bigint,
  first_seen: column.timestamp,
  last_seen: column.timestamp,
  kinds: names,
  queues: names,
  /** The latest of them, as a sample: its error, its job and its attempt. */
  error_name: column.text,
  error: column.text,
  error_category: column.text,
  job_id: column.uuid,
  attempt: column.integer,
};

type Row = RowOf<typeof columns>;
type Failure = EventOf<'AttemptFailed' | 'AttemptLost'>;

/**
 * Failures of one origin: how many, since when, until when, and where. Jobs of all partitions share
 * these rows, and a rebuild reads one partition after another: nothing here may depend on which of
 * them comes first.
 */
export const failureGroups = defineProjection({
  name: 'failure-groups',
  version: 1,
  columns,
  key: ['fingerprint'],
  rows: ({ data }) => ('decision' in data ? { fingerprint: data.error.fingerprint } : undefined),
  on: {
    AttemptFailed: (row, event) => added(row ?? first(event), event),
    AttemptLost: (row, event) => added(row ?? first(event), event),
  },
  indexes: [['last_seen'], ['count']],
});

/** A group of none so far. */
function first(event: Failure): Row {
  const { recordedAt } = event;
  const seen = { first_seen: recordedAt, last_seen: recordedAt };
  return { ...sampleOf(event), count: 0, jobs_failed: 0, ...seen, kinds: [], queues: [] };
}

function added(row: Row, event: Failure): Row {
  const { recordedAt, kind, queue } = event;
  return {
    ...(isLater(event, row) ? sampleOf(event) : row),
    count: row.count + 1,
    jobs_failed: row.jobs_failed + (event.data.decision.action === 'fail' ? 1 : 0),
    first_seen: recordedAt < row.first_seen ? recordedAt : row.first_seen,
    last_seen: recordedAt > row.last_seen ? recordedAt : row.last_seen,
    kinds: withName(row.kinds, kind),
    queues: withName(row.queues, queue),
  };
}

/** Of two at the same time the job's id decides; events of one job come in their order. */
function isLater({ recordedAt, streamId }: Failure, { last_seen, job_id }: Row): boolean {
  return recordedAt === last_seen ? streamId >= job_id : recordedAt > last_seen;
}

function sampleOf({ data, streamId }: Failure) {
  const { name, message, category, fingerprint } = data.error;
  return {
    fingerprint,
    error_name: name,
    error: message,
    error_category: category,
    job_id: streamId,
    attempt: data.attempt,
  };
}

function withName(all: readonly string[], name: string): readonly string[] {
  if (all.includes(name)) return all;
  return [...all, name].sort().slice(0, MOST_NAMES);
}
