import type { ListedJob, ListOptions } from '../../api-views.js';
import type { StateName } from '../../job/state.js';
import { describe, listed } from './describe-jobs.js';
import { isPlain } from './job-filter.js';
import { checkList, listPage } from './list-page.js';
import { findAccepted, findEnded, findEnqueued, findWaiting, type Found } from './list-queries.js';
import { lookUp } from './look-up.js';
import { isMirror } from '../role.js';
import { iso, type Store } from '../store.js';

/**
 * Jobs in a state: waiting and running ones in the order in which they will run, ended ones from
 * the log, newest first; with no state named, the newest jobs of any state. Rows that were set aside
 * in the inbox come first wherever they could have become such a job. What the ledger's own tables
 * cannot tell is the first page of the read model.
 */
export async function list(store: Store, options: ListOptions): Promise<readonly ListedJob[]> {
  const { filter, limit } = checkList(options);
  if (options.asOf !== undefined) return (await listPage(store, options)).jobs;
  const { states: [state, ...others] = [], names } = filter;
  const isTold = isPlain(filter) && others.length === 0 && !(await isMirror(store));
  if (!isTold) return (await listPage(store, options)).jobs;
  const plain = { state, kind: names.kind, queue: names.queue };
  const setAside = await listSetAside(store, plain, limit);
  const accepted = await listAccepted(store, plain, limit - setAside.length);
  const found = await find(store, plain, limit - setAside.length - accepted.length);
  const ids = found.map(({ id }) => id);
  return [...setAside, ...accepted, ...(await describe(store, ids, { state }))];
}

/** What the ledger's own tables can be asked for. */
interface Plain {
  readonly state: StateName | undefined;
  readonly kind: string | undefined;
  readonly queue: string | undefined;
}

async function find(store: Store, options: Plain, limit: number): Promise<readonly Found[]> {
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

/** Jobs of callers' own transactions that no mover has brought into the ledger yet. */
async function listAccepted(store: Store, options: Plain, limit: number): Promise<ListedJob[]> {
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
async function listSetAside(store: Store, options: Plain, limit: number): Promise<ListedJob[]> {
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
