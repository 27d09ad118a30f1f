import type { JobFilter } from '../api-filter.js';
import type { JobPage, PageOptions } from '../api-bulk.js';
import { snapshot } from '../database.js';
import { integerProblem } from '../job/limits.js';
import { unknownOptions } from '../job/option-problems.js';
import { refuse } from './check.js';
import { encodeCursor, readCursor, type Place } from './cursor.js';
import { describe } from './describe-jobs.js';
import { checkFilter, digestOf, FILTER_OPTIONS, isPlain, type Filter } from './job-filter.js';
import { fits } from './job-fits.js';
import { countRows, findRows, readLag } from './read-model.js';
import { readStats } from './stats.js';
import type { Store } from './store.js';

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;

/**
 * A page of jobs, newest first. The read model finds them, behind a place that no change of a job can
 * move; each is then told from its events, and left out if it no longer fits.
 */
export async function listPage(store: Store, options: PageOptions): Promise<JobPage> {
  const { filter, limit, after } = checkList(options, PAGE_OPTIONS);
  const behind = after?.in === 'jobs' ? after : undefined;
  const { found, lagEvents } = await snapshot(store.database, async (query) => ({
    found: await findRows(store, query, filter, behind, limit + 1),
    lagEvents: await readLag(store, query),
  }));
  const page = found.slice(0, limit);
  const jobs = await describe(
    store,
    page.map(({ id }) => id),
    { state: filter.states?.[0], only: (job, now) => fits(filter, job, now) },
  );
  const last = found.length > limit ? page.at(-1) : undefined;
  const next = last === undefined ? null : encodeCursor(digestOf(filter), { in: 'jobs', ...last });
  return { jobs, next, lagEvents };
}

const OPTIONS = { ...FILTER_OPTIONS, limit: true } as const;
const PAGE_OPTIONS = { ...OPTIONS, cursor: true } as const satisfies {
  readonly [K in keyof PageOptions]-?: true;
};

/** Every fault of a list's options in one line. */
export function checkList(options: PageOptions, known: Readonly<Record<string, true>> = OPTIONS) {
  const { limit = DEFAULT_LIMIT, cursor } = options;
  const { filter, problems } = checkFilter(options);
  const after = cursor === undefined ? undefined : readCursor(digestOf(filter), cursor);
  refuse([
    ...unknownOptions(options, known, 'list'),
    ...problems,
    integerProblem('limit', limit, 1, MAX_LIMIT),
    after !== undefined && 'problem' in after ? after.problem : undefined,
  ]);
  return { filter, limit, after: after as Place | undefined };
}

/** How many jobs fit. What the ledger's own tables can tell comes from there. */
export async function countJobs(store: Store, options: JobFilter): Promise<number> {
  const { filter, problems } = checkFilter(options);
  refuse([...unknownOptions(options, FILTER_OPTIONS, 'count'), ...problems]);
  if (isPlain(filter)) return countPlain(store, filter);
  const groups = await snapshot(store.database, (query) => countRows(store, query, filter));
  return groups.reduce((sum, { jobs }) => sum + jobs, 0);
}

async function countPlain(store: Store, { states, names }: Filter): Promise<number> {
  const { byQueue, states: all } = await readStats(store, { kinds: new Map() });
  const wanted = states ?? (Object.keys(all) as (keyof typeof all)[]);
  return byQueue
    .filter(({ kind }) => names.kind === undefined || names.kind === kind)
    .filter(({ queue }) => names.queue === undefined || names.queue === queue)
    .reduce((sum, line) => wanted.reduce((part, state) => part + line[state], sum), 0);
}
