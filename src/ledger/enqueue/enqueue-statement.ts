import type { Statement } from '../../database.js';
import { EVENT_VERSIONS } from '../../job/event-versions.js';
import { float8Array, int4Array, jsonbArray, textArray, uuidArray } from '../binary-array.js';
import { EVENT_COLUMNS, head, isLocked, iso, perPartition, type Store } from '../store.js';

/** A job that has been checked and is ready to be recorded. */
export interface NewJob {
  readonly id: string;
  readonly kind: string;
  readonly queue: string;
  readonly priority: number;
  readonly maxAttempts: number;
  /** Serialised JobEnqueued data, without `runAt` if the delay is relative. */
  readonly data: string;
  readonly meta: string;
  readonly delayMs: number | null;
  readonly runAt: string | null;
}

/**
 * What lets a job pass: nothing more; the unique key that this transaction took for it; its row in
 * the inbox, which goes in the same statement (locked rows are skipped: they are a stranger's);
 * or both.
 */
export type Gate =
  | { readonly by: 'nothing' | 'key' }
  | { readonly by: 'inbox' | 'inbox-and-key'; readonly inboxIds: readonly number[] };

/**
 * Appends JobEnqueued for every job and puts each in line, or among the scheduled if its time is
 * to come. Gives the head before it and the time, so that position = head + index + 1.
 */
export function enqueueStatement(
  store: Store,
  partition: number,
  jobs: readonly NewJob[],
  gate: Gate = { by: 'nothing' },
): Statement {
  const column = <K extends keyof NewJob>(name: K) => jobs.map((job) => job[name]);
  const timed = jobs.some((job) => job.delayMs !== null || job.runAt !== null);
  const sort = timed || gate.by !== 'nothing' ? gate.by : 'now';
  return {
    ...(gate.by === 'nothing' ? { name: `jl_enqueue_${timed ? 'timed_' : ''}${partition}` } : {}),
    text: TEXTS[sort](store, partition),
    values: [
      store.clockShiftMs(),
      uuidArray(column('id')),
      textArray(column('kind')),
      textArray(column('queue')),
      int4Array(column('priority')),
      int4Array(column('maxAttempts')),
      jsonbArray(column('data')),
      jobs.some((job) => job.meta !== '{}') ? jsonbArray(column('meta')) : null,
      ...(sort === 'now' ? [] : [float8Array(column('delayMs')), textArray(column('runAt'))]),
      ...('inboxIds' in gate ? [gate.inboxIds] : []),
    ],
  };
}

const NO_INBOX = { before: '', after: '' };
const TEXTS = {
  now: perPartition(textOfNow),
  nothing: perPartition((store, partition) => text(store, partition, NO_INBOX, '')),
  key: perPartition((store, partition) =>
    text(store, partition, NO_INBOX, ` where ${hasKey(store)}`),
  ),
  inbox: perPartition((store, partition) =>
    text(store, partition, fromInbox(store), ` where ${IN_INBOX}`),
  ),
  'inbox-and-key': perPartition((store, partition) =>
    text(store, partition, fromInbox(store), ` where ${IN_INBOX} and ${hasKey(store)}`),
  ),
};

const IN_INBOX = 'i.id = any(array(select job_id from taken))';

function hasKey(store: Store): string {
  return `exists (select from ${store.tables.uniqueKeys} u where u.job_id = i.id)`;
}

/** What goes before the input, and what takes those rows that passed out of the inbox. */
function fromInbox(store: Store): typeof NO_INBOX {
  const { inbox } = store.tables;
  return {
    before: `taken as materialized (
  select ctid as tid, job_id from ${inbox} where id = any($11::bigint[]) and set_aside_at is null
  for update skip locked),
`,
    after: `moved as (delete from ${inbox} where ctid = any(array(
  select tid from taken where job_id = any(array(select id from input))))),
`,
  };
}

/** Nearly all jobs: they are due at once, and nothing has to let them pass. */
function textOfNow(store: Store, partition: number): string {
  const t = store.tables;
  return `with ${head(store, partition, '$1')},
input as materialized (select ${INPUT}, generate_series(1, cardinality($2::uuid[])) as n
  where ${isLocked}),
recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, head + n, id, 1, 'JobEnqueued', ${EVENT_VERSIONS.JobEnqueued}, kind, queue, data,
    coalesce(meta, '{}'), at from head, input),
lined_up as (
  insert into ${t.ready}(${JOB_COLUMNS})
  select ${jobOf(partition)} from head, input)
select head, ${iso('at')} as at from head`;
}

function text(store: Store, partition: number, inbox: typeof NO_INBOX, where: string): string {
  const t = store.tables;
  return `with ${inbox.before}${head(store, partition, '$1')},
input as materialized (
  select i.*, ${where === '' ? 'ord' : 'row_number() over (order by ord)'} as n,
    coalesce(run_at::timestamptz, (select at from head) + delay_ms * interval '1 millisecond') as due
  from (select ${INPUT}, ${TIMES}, generate_series(1, cardinality($2::uuid[])) as ord
    where ${isLocked}) i${where}),
${inbox.after}recorded as (
  insert into ${t.eventsOf(partition)}(${EVENT_COLUMNS})
  select ${partition}::smallint, head + n, id, 1, 'JobEnqueued', ${EVENT_VERSIONS.JobEnqueued}, kind, queue,
    case when due is null then data else data || jsonb_build_object('runAt', ${iso('due')}) end,
    coalesce(meta, '{}'), at from input, head),
waiting as (
  insert into ${t.scheduled}(run_at, ${JOB_COLUMNS}, state)
  select due, ${jobOf(partition)}, 'scheduled' from input, head where due > at),
lined_up as (
  insert into ${t.ready}(${JOB_COLUMNS})
  select ${jobOf(partition)} from input, head where due is null or due <= at order by n)
select head, ${iso('at')} as at${where === '' ? '' : ', array(select id::text from input order by n) as ids'}
from head`;
}

const JOB_COLUMNS =
  'job_id, position, attempt, counted, max_attempts, version, partition, priority, queue, kind';

function jobOf(partition: number): string {
  return `id, head + n, 0, 0, max_attempts, 1, ${partition}::smallint, priority, queue, kind`;
}

/** In the list of a select, where arrays go row by row; as tables each would be stored first. */
const INPUT = `unnest($2::uuid[]) as id, unnest($3::text[]) as kind, unnest($4::text[]) as queue,
    unnest($5::int[]) as priority, unnest($6::int[]) as max_attempts, unnest($7::jsonb[]) as data,
    unnest($8::jsonb[]) as meta`;
const TIMES = 'unnest($9::float8[]) as delay_ms, unnest($10::text[]) as run_at';
