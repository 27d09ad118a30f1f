import type { AsOf, AsOfOption } from '../../api-as-of.js';
import type { JobFilter } from '../../api-filter.js';
import type { JobPage, PageOptions } from '../../api-bulk.js';
import { snapshot } from '../../database.js';
import { integerProblem } from '../../job/limits.js';
import { unknownOptions } from '../../job/option-problems.js';
import { asOfProblem } from '../as-of/instant.js';
import { countStays, listPageAsOf } from '../as-of/list.js';
import { readStatsAsOf } from '../as-of/stats.js';
import { refuse } from '../check.js';
import { encodeCursor, readCursor, type Place } from './cursor.js';
import { describe } from './describe-jobs.js';
import {
  checkFilter,
  digestOf,
  FILTER_OPTIONS,
  isPlain,
  pastProblems,
  type Filter,
} from './job-filter.js';
import { fits } from './job-fits.js';
import { countRows, findRows, readLag } from './read-model.js';
import { isMirror } from '../role.js';
import { readStats } from './stats.js';
import type { Store } from '../store.js';

const DEFAULT_LIMIT = 25;
const MAX_LIMIT = 100;

/**
 * A page of jobs, newest first. The read model finds them, behind a place that no change of a job can
 * move; each is then told from its events, and left out if it no longer fits.
 */
export async function listPage(store: Store, options: PageOptions): Promise<JobPage> {
  const { filter, limit, after } = checkList(options, PAGE_OPTIONS);
  if (options.asOf !== undefined)
    return listPageAsOf(store, options.asOf, { filter, limit, after });
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

const OPTIONS = { ...FILTER_OPTIONS, limit: true, asOf: true } as const;
const PAGE_OPTIONS = { ...OPTIONS, cursor: true } as const satisfies {
  readonly [K in keyof PageOptions]-?: true;
};

/** Every fault of a list's options in one line. */
export function checkList(options: PageOptions, known: Readonly<Record<string, true>> = OPTIONS) {
  const { limit = DEFAULT_LIMIT, cursor, asOf } = options;
  const { filter, problems } = checkFilter(options);
  const after = cursor === undefined ? undefined : readCursor(digestOf(filter), cursor);
  refuse([
    ...unknownOptions(options, known, 'list'),
    ...problems,
    asOf === undefined ? undefined : asOfProblem('asOf', asOf),
    ...(asOf === undefined ? [] : pastProblems(filter)),
    integerProblem('limit', limit, 1, MAX_LIMIT),
    after !== undefined && 'problem' in after ? after.problem : otherCursor(after, asOf),
  ]);
  return { filter, limit, after: after as Place | undefined };
}

function otherCursor(after: Place | undefined, asOf: AsOf | undefined): string | undefined {
  const isPast = after?.in === 'stays';
  if (after === undefined || isPast === (asOf !== undefined)) return undefined;
  return isPast
    ? 'cursor: expected one of now, got one of a list with asOf'
    : 'cursor: expected one of a list with asOf, got one of now';
}

const COUNT_OPTIONS = { ...FILTER_OPTIONS, asOf: true } as const;

/** How many jobs fit, now or at an earlier time. What the ledger's own tables can tell comes from there. */
export async function countJobs(store: Store, options: JobFilter & AsOfOption): Promise<number> {
  const { asOf } = options;
  const { filter, problems } = checkFilter(options);
  const past = asOf === undefined ? [] : [asOfProblem('asOf', asOf), ...pastProblems(filter)];
  refuse([...unknownOptions(options, COUNT_OPTIONS, 'count'), ...problems, ...past]);
  if (asOf !== undefined && !isPlain(filter)) return countStays(store, asOf, filter);
  const isTold = isPlain(filter) && (asOf !== undefined || !(await isMirror(store)));
  if (isTold) return countPlain(store, filter, asOf);
  const groups = await snapshot(store.database, (query) => countRows(store, query, filter));
  return groups.reduce((sum, { jobs }) => sum + jobs, 0);
}

async function countPlain(
  store: Store,
  { states, names }: Filter,
  asOf: AsOf | undefined,
): Promise<number> {
  const kinds = new Map<string, never>();
  const { byQueue, states: all } = await (asOf === undefined
    ? readStats(store, { kinds })
    : readStatsAsOf(store, asOf, kinds));
  const wanted = states ?? (Object.keys(all) as (keyof typeof all)[]);
  return byQueue
    .filter(({ kind }) => names.kind === undefined || names.kind === kind)
    .filter(({ queue }) => names.queue === undefined || names.queue === queue)
    .reduce((sum, line) => wanted.reduce((part, state) => part + line[state], sum), 0);
}
