import {
  column,
  defineProjection,
  nullable,
  type JobSoFar,
  type RowOf,
  type Stay,
} from 'jobledger';

const columns = {
  id: column.uuid,
  /** Of the event that began the stay. */
  version: column.integer,
  state: column.text,
  partition: column.integer,
  /** Of the event that began the stay. */
  position: column.bigint,
  kind: column.text,
  queue: column.text,
  since: column.timestamp,
  /** Null while it lasts. */
  until: nullable(column.timestamp),
  /** It lasted at most 2^span milliseconds; 41 is longer, or while it lasts. */
  span: column.integer,
  /** Attempts begun. */
  attempt: column.integer,
  tenant: nullable(column.text),
  principal: nullable(column.text),
  correlation_id: nullable(column.text),
  causation_id: nullable(column.text),
  /** The latest error stays until the job succeeds. */
  error_category: nullable(column.text),
  error_fingerprint: nullable(column.text),
};

type StateRow = RowOf<typeof columns>;
type Key = Pick<StateRow, 'id' | 'version' | 'state'>;

/**
 * Every stay of every job in a state, as it reads: a job was in the state of the one row with
 * `since <= T and (until is null or until > T)`. What is due is available, and no event says so: a stay
 * that waits for a time is two rows, until then and from then on.
 *
 * Jobs by state as of an instant are found by `queue, state, span, since`: of the stays of a span, only
 * those that began less than 2^span milliseconds before it can have lasted until then.
 */
export const jobStates = defineProjection({
  name: 'job-states',
  version: 1,
  columns,
  key: ['id', 'version', 'state'],
  job: 'id',
  rows: (event, job) =>
    job.sinceVersion === event.version ? [...keysOf(job, job.before), ...keysOf(job, job)] : [],
  on: (row, event, job, key) =>
    key.version === job.sinceVersion ? begun(job, key) : ended(row, event.recordedAt),
  indexes: [
    ['queue', 'state', 'span', 'since', 'until'],
    ['correlation_id'],
    ['error_fingerprint', 'since'],
  ],
});

/** A stay's rows: one that waits for a time to come has one for afterwards too. */
function keysOf({ id }: JobSoFar, stay: Stay | null): Key[] {
  if (stay === null) return [];
  const { sinceVersion: version, state } = stay;
  if (!waits(stay)) return [{ id, version, state }];
  const due = { id, version, state: 'available' };
  return isLater(stay.dueAt, stay.since) ? [{ id, version, state }, due] : [due];
}

function waits({ state }: Stay): boolean {
  return state === 'scheduled' || state === 'retrying';
}

function begun(job: JobSoFar, { state }: Key): StateRow {
  const isDue = state !== job.state && isLater(job.dueAt, job.since);
  const row = {
    id: job.id,
    version: job.version,
    state,
    partition: job.partition,
    position: job.sincePosition,
    kind: job.kind,
    queue: job.queue,
    since: isDue ? job.dueAt : job.since,
    until: null,
    span: LONGEST,
    attempt: job.attempt,
    tenant: job.tenant,
    principal: job.principal,
    correlation_id: job.correlationId,
    causation_id: job.causationId,
    error_category: job.error?.category ?? null,
    error_fingerprint: job.error?.fingerprint ?? null,
  };
  return waits(job) && state === job.state ? { ...row, ...end(row.since, job.dueAt) } : row;
}

/** The row when its job has moved on; undefined if it had not become due by then. */
function ended(row: StateRow | undefined, at: string): StateRow | undefined {
  if (row === undefined) throw new Error('the stay that ends is not there');
  const waited = row.state === 'scheduled' || row.state === 'retrying';
  if (waited && !isLater(row.until!, at)) return row;
  // It has moved on before it came due.
  if (isLater(row.since, at)) return undefined;
  return { ...row, ...end(row.since, at) };
}

const LONGEST = 41;

function end(since: string, until: string): Pick<StateRow, 'until' | 'span'> {
  const ms = (microsOf(until) - microsOf(since)) / 1_000;
  let span = 0;
  while (span < LONGEST && 2 ** span < ms) span++;
  return { until, span };
}

function isLater(one: string, other: string): boolean {
  return microsOf(one) > microsOf(other);
}

/** Microseconds since 1970: a Date has milliseconds only. */
function microsOf(instant: string): number {
  const fraction = /\.(\d+)Z$/.exec(instant)?.[1] ?? '';
  return Date.parse(instant) * 1_000 + Number(fraction.padEnd(6, '0').slice(3, 6));
}
