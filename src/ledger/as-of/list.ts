import type { AsOf } from '../../api-as-of.js';
import type { JobPage } from '../../api-bulk.js';
import { STATES } from '../../job/state.js';
import { refuse } from '../check.js';
import { encodeCursor, type Place } from '../query/cursor.js';
import { describe } from '../query/describe-jobs.js';
import { digestOf, type Filter } from '../query/job-filter.js';
import { fits } from '../query/job-fits.js';
import { iso, type Store } from '../store.js';
import { instantAt, settle, type Settled } from './instant.js';
import { readPast, type Past } from './past.js';
import { staysAt, type StayKey } from './stays.js';

interface Checked {
  readonly filter: Filter;
  readonly limit: number;
  readonly after: Place | undefined;
}

/**
 * A page of jobs as they were, those that had come into their state last first. The read model finds
 * them; each is told from its events up to then. The pages of a cursor are all of one instant.
 */
export async function listPageAsOf(
  store: Store,
  asOf: AsOf,
  { filter, limit, after }: Checked,
): Promise<JobPage> {
  const behind = after?.in === 'stays' ? after : undefined;
  if (behind !== undefined) await refuseOtherInstant(store, asOf, behind.asOf);
  const at = await settle(store, 'asOf', behind?.asOf ?? asOf);
  const found = await readPast(store, at, (past) =>
    findStays(store, past, filter, limit + 1, behind),
  );
  const page = found.slice(0, limit);
  const jobs = await describe(
    store,
    page.map(({ id }) => id),
    { state: filter.states?.[0], only: (job, now) => fits(filter, job, now), asOf: at },
  );
  const last = found.length > limit ? page.at(-1) : undefined;
  const place = last && ({ in: 'stays', asOf: at, ...last } as const);
  const next = place === undefined ? null : encodeCursor(digestOf(filter), place);
  return { jobs, next, lagEvents: 0, asOf: at };
}

/** So long ago is another instant with every page; a time that is named must stay the same. */
async function refuseOtherInstant(store: Store, asOf: AsOf, of: string): Promise<void> {
  if (typeof asOf === 'object' && 'agoMs' in asOf) return;
  if ((await instantAt(store, 'asOf', asOf)) !== of)
    refuse([`cursor: expected one of this instant, got one of ${of}`]);
}

async function findStays(
  store: Store,
  { query, at }: Past,
  { states, names }: Filter,
  limit: number,
  after: StayKey | undefined,
): Promise<StayKey[]> {
  const found = staysAt(store, at, { states: states ?? STATES, names }, { limit, after });
  const { rows } = await query(
    `select id, ${iso('since')} as at from ${found.text} found
      order by since desc, id desc limit ${found.add(limit)}`,
    found.values,
  );
  return rows as StayKey[];
}

/** How many jobs fitted. */
export async function countStays(
  store: Store,
  asOf: AsOf,
  { states, names }: Filter,
): Promise<number> {
  const at: Settled = await settle(store, 'asOf', asOf);
  const found = staysAt(store, at, { states: states ?? STATES, names });
  return readPast(store, at, async ({ query }) => {
    const { rows } = await query(
      `select count(*)::float8 as jobs from ${found.text} found`,
      found.values,
    );
    return (rows[0] as { jobs: number }).jobs;
  });
}
