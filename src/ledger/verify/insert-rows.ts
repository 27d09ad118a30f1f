import type { Statement } from '../../database.js';
import type { JobState } from '../../job/state.js';
import type { Store } from '../store.js';

/** A job that waits for a time. */
export type TimedJob = Extract<JobState, { readonly runAt: string }>;
/** A job that a worker has. */
export type RunningJob = Extract<JobState, { readonly state: 'running' }>;

/** True if the job waits for a time, past or to come. */
export function isTimed(job: JobState): job is TimedJob {
  return job.state === 'scheduled' || job.state === 'retrying';
}

/** Puts jobs of one partition in line: at the end, in their order, or at the places given. */
export function insertReady(
  store: Store,
  jobs: readonly JobState[],
  seqs?: readonly number[],
): Statement {
  const places = seqs === undefined ? [] : [{ name: 'seq', type: 'bigint', values: seqs }];
  return insertRows(store, 'ready', jobs, places);
}

/** Puts jobs of one partition among those that wait for a time. */
export function insertScheduled(store: Store, jobs: readonly TimedJob[]): Statement {
  return insertRows(store, 'scheduled', jobs, [
    { name: 'run_at', type: 'timestamptz', values: jobs.map((job) => job.runAt) },
    { name: 'state', type: 'text', values: jobs.map((job) => job.state) },
  ]);
}

/** What a lease says that is not in its job's state: its place in line, and when a cancel was asked. */
export interface LeaseExtra {
  readonly seq: number;
  readonly cancelAt: string | null;
}

/** Gives running jobs of one partition to the workers that have them by the log. */
export function insertLeases(
  store: Store,
  jobs: readonly RunningJob[],
  extras: readonly LeaseExtra[],
): Statement {
  return insertRows(store, 'leases', jobs, [
    { name: 'seq', type: 'bigint', values: extras.map((extra) => extra.seq) },
    { name: 'cancel_at', type: 'timestamptz', values: extras.map((extra) => extra.cancelAt) },
    { name: 'worker', type: 'int', values: jobs.map((job) => job.worker) },
    { name: 'claim', type: 'bigint', values: jobs.map((job) => job.claim) },
    { name: 'claimed_at', type: 'timestamptz', values: jobs.map((job) => job.startedAt) },
  ]);
}

interface Column {
  readonly name: string;
  readonly type: string;
  readonly values: readonly unknown[];
}

const CARRIED =
  'job_id, position, payload_at, error_at, attempt, counted, max_attempts, version, partition, priority, losses, queue, kind';
const CARRIED_ROWS = `unnest($1::uuid[], $2::bigint[], $3::bigint[], $4::bigint[], $5::int[], $6::int[],
  $7::int[], $8::int[], $9::smallint[], $10::smallint[], $11::smallint[], $12::text[], $13::text[]`;
const CARRIED_COUNT = 13;

function insertRows(
  store: Store,
  table: 'ready' | 'scheduled' | 'leases',
  jobs: readonly JobState[],
  more: readonly Column[],
): Statement {
  const names = more.map(({ name }) => `, ${name}`).join('');
  const arrays = more.map(({ type }, n) => `, $${CARRIED_COUNT + 1 + n}::${type}[]`).join('');
  return {
    text: `insert into ${store.tables[table]}(${CARRIED}${names}) select ${positioned(store, jobs)}${names}
      from ${CARRIED_ROWS}${arrays}) c(${CARRIED}${names})`,
    values: [...carriedValues(jobs), ...more.map(({ values }) => values)],
  };
}

/** A position of 0 stands for the event appended in this very transaction: the job's latest. */
function positioned(store: Store, jobs: readonly JobState[]): string {
  const events = store.tables.eventsOf(jobs[0]!.partition);
  const at = (column: string) => `case when ${column} = 0 then
    (select e.position from ${events} e where e.stream_id = c.job_id and e.version = c.version) else ${column} end`;
  return CARRIED.replace('payload_at', at('payload_at')).replace('error_at', at('error_at'));
}

function carriedValues(jobs: readonly JobState[]): unknown[] {
  const pick = <K extends keyof JobState>(name: K) => jobs.map((job) => job[name]);
  return [
    pick('id'),
    pick('position'),
    jobs.map((job) => (job.payloadAt === job.position ? null : job.payloadAt)),
    jobs.map((job) => job.errorAt ?? null),
    pick('attempt'),
    pick('counted'),
    pick('maxAttempts'),
    pick('version'),
    pick('partition'),
    pick('priority'),
    pick('losses'),
    pick('queue'),
    pick('kind'),
  ];
}
