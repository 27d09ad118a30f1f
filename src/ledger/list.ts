import type { ListedJob, ListOptions } from '../api-views.js';
import { LedgerError } from '../errors.js';
import { groupBy } from '../group-by.js';
import { fold } from '../job/evolve.js';
import { integerProblem } from '../job/limits.js';
import { nameProblem } from '../job/names.js';
import { unknownOptions } from '../job/option-problems.js';
import { STATES, stateAt, type JobState, type StateName } from '../job/state.js';
import { partitionOf } from './ids.js';
import { findAccepted, findEnded, findEnqueued, findWaiting, type Found } from './list-queries.js';
import { lookUp } from './look-up.js';
import { readStreams } from './read.js';
import { iso, type Store } from './store.js';

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;

/**
 * Jobs in a state: waiting and running ones in the order in which they will run, ended ones from
 * the log, newest first; with no state named, the newest jobs of any state. Rows that were set aside
 * in the inbox come first wherever they could have become such a job.
 */
export async function list(store: Store, options: ListOptions): Promise<readonly ListedJob[]> {
  const limit = checked(options);
  const setAside = await listSetAside(store, options, limit);
  const accepted = await listAccepted(store, options, limit - setAside.length);
  const found = await find(store, options, limit - setAside.length - accepted.length);
  return [...setAside, ...accepted, ...(await describe(store, found, options.state))];
}

const OPTIONS = {
  state: true,
  kind: true,
  queue: true,
  limit: true,
} as const satisfies { readonly [K in keyof ListOptions]-?: true };

function checked(options: ListOptions): number {
  const { state, kind, queue, limit = DEFAULT_LIMIT } = options;
  const problems = [
    ...unknownOptions(options, OPTIONS, 'list'),
    state === undefined || STATES.includes(state)
      ? undefined
      : `state: expected one of ${STATES.join(', ')}`,
    kind === undefined ? undefined : nameProblem('kind', kind),
    queue === undefined ? undefined : nameProblem('queue', queue),
    integerProblem('limit', limit, 1, MAX_LIMIT),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new LedgerError('BAD_INPUT', problems.join('; '));
  return limit;
}

async function find(store: Store, options: ListOptions, limit: number): Promise<readonly Found[]> {
  if (limit <= 0) return [];
  switch (options.state) {
    case undefined:
      return findEnqueued(store, options, limit);
    case 'succeeded':
    case 'failed':
    case 'canceled':
    case 'discarded':
      return findEnded(store, options.state, options, limit);
    case 'scheduled':
    case 'available':
    case 'running':
    case 'retrying':
      return findWaiting(store, options.state, options, limit);
  }
}

/** What is found is told from the stream, like everything else. */
async function describe(
  store: Store,
  found: readonly Found[],
  wanted: StateName | undefined,
): Promise<readonly ListedJob[]> {
  const jobs = new Map<string, ListedJob>();
  for (const [partition, group] of groupBy(found, (one) => partitionOf(one.id, store.partitions))) {
    const { events, now } = await readStreams(
      store,
      partition,
      group.map((one) => one.id),
    );
    for (const { id } of group) {
      const stream = events.get(id) ?? [];
      try {
        const state = fold(stream);
        if (state !== undefined) jobs.set(id, listed(state, now));
      } catch (error) {
        // An event of a newer program: shown with a note, and the rest of the list goes on.
        const first = stream[0]!;
        jobs.set(
          id,
          unreadable(
            id,
            `${partition}/${first.position}`,
            first.kind,
            first.queue,
            (error as Error).message,
            wanted,
          ),
        );
      }
    }
  }
  return found.flatMap(({ id }) => jobs.get(id) ?? []);
}

function listed(job: JobState, now: string): ListedJob {
  const failed = job.state === 'failed' || job.state === 'retrying' ? job.previousError : undefined;
  return {
    id: job.id,
    shortId: `${job.partition}/${job.position}`,
    kind: job.kind,
    queue: job.queue,
    state: stateAt(job, now),
    priority: job.priority,
    attempt: job.attempt,
    maxAttempts: job.maxAttempts,
    createdAt: job.createdAt,
    runAt: 'runAt' in job ? job.runAt : null,
    ...(job.state === 'failed' ? { failedAt: job.finishedAt, decision: job.decision.reason } : {}),
    ...(failed === undefined ? {} : { category: failed.category, message: failed.message }),
  };
}

function unreadable(
  id: string,
  shortId: string,
  kind: string,
  queue: string,
  message: string,
  wanted: StateName | undefined,
): ListedJob {
  const common = {
    id,
    shortId,
    kind,
    queue,
    priority: 0,
    attempt: 0,
    maxAttempts: 0,
    createdAt: '',
    runAt: null,
  };
  return {
    ...common,
    state: wanted ?? 'available',
    note: `this program cannot read its events: ${message}`,
  };
}

/** Jobs of callers' own transactions that no mover has brought into the ledger yet. */
async function listAccepted(
  store: Store,
  options: ListOptions,
  limit: number,
): Promise<ListedJob[]> {
  const { state, kind, queue } = options;
  if (limit <= 0 || !(state === undefined || state === 'available' || state === 'scheduled'))
    return [];
  const found = await findAccepted(store, options, limit);
  const jobs = await Promise.all(found.map(({ id }) => lookUp(store, id)));
  return jobs.flatMap((job) => {
    const fits =
      job?.version === 0 &&
      (state === undefined || job.state === state) &&
      (kind === undefined || job.kind === kind) &&
      (queue === undefined || job.queue === queue);
    return fits ? [{ ...listed(job, job.updatedAt), shortId: null }] : [];
  });
}

/** Accepted rows that could not become jobs. They may be mended or deleted; nothing drops them. */
async function listSetAside(
  store: Store,
  options: ListOptions,
  limit: number,
): Promise<ListedJob[]> {
  const { state = null, kind = null, queue = null } = options;
  if (state !== null && state !== 'available' && state !== 'scheduled') return [];
  const readAs = `case when run_at > clock_timestamp() then 'scheduled' else 'available' end`;
  const result = await store.database.pool.query<ListedJob & { setAside: string }>({
    text: `select job_id as id, null as "shortId", coalesce(kind, '') as kind, coalesce(queue, 'default') as queue,
      ${readAs} as state,
      coalesce(priority, 0) as priority, 0 as attempt, coalesce(max_attempts, 0) as "maxAttempts",
      ${iso('created_at')} as "createdAt", null as "runAt", error as "setAside"
      from ${store.tables.inbox}
      where set_aside_at is not null and ($1::text is null or kind = $1)
        and ($2::text is null or coalesce(queue, 'default') = $2)
        and ($3::text is null or ${readAs} = $3)
      order by id desc limit $4`,
    values: [kind, queue, state, limit],
  });
  return result.rows;
}
