import type { BulkOptions, BulkPreview } from '../../api-bulk.js';
import { snapshot } from '../../database.js';
import { aimOf, type BulkPlan } from './bulk-options.js';
import { nextBatch } from './bulk-source.js';
import type { Place } from './cursor.js';
import { describe } from './describe-jobs.js';
import { isPlain } from './job-filter.js';
import { fits } from './job-fits.js';
import { endingCondition } from './list-queries.js';
import { countRows, type GroupRow, type Query } from './read-model.js';
import { readWaiting } from './stats.js';
import { clock, iso, type Store } from '../store.js';

const SAMPLES = 5;

/** What a bulk action would do to how many jobs, with some of them. Writes nothing. */
export async function previewBulk(
  store: Store,
  options: Pick<BulkOptions, 'action' | 'filter'>,
): Promise<BulkPreview> {
  const filter = aimOf(options);
  const groups = await snapshot(store.database, (query) =>
    isPlain(filter) ? countPlain(store, query, filter) : countRows(store, query, filter),
  );
  groups.sort((one, other) => other.jobs - one.jobs);
  return {
    matched: groups.reduce((sum, { jobs }) => sum + jobs, 0),
    groups,
    samples: await samplesOf(store, filter),
  };
}

async function samplesOf(store: Store, filter: BulkPlan['filter']) {
  const ids: string[] = [];
  let place: Place | undefined;
  do {
    const batch = await nextBatch(store, filter, place, SAMPLES);
    ids.push(...batch.ids);
    place = batch.next;
  } while (place !== undefined && ids.length < SAMPLES);
  return describe(store, ids.slice(0, SAMPLES), {
    only: (job, now) => fits(filter, job, now),
  });
}

/** What waits or runs is counted as `stats` counts it, rows of the inbox with it; failed jobs in the log. */
async function countPlain(
  store: Store,
  query: Query,
  { states, names }: BulkPlan['filter'],
): Promise<GroupRow[]> {
  const { rows } = await query(`select ${iso(clock('$1'))} as at`, [store.clockShiftMs()]);
  const waiting = await readWaiting(store, query, (rows[0] as { at: string }).at);
  const failed = states.includes('failed') ? await countFailed(store, query, names) : [];
  return [
    ...waiting
      .filter(({ state }) => states.includes(state))
      .filter(({ kind }) => names.kind === undefined || names.kind === kind)
      .filter(({ queue }) => names.queue === undefined || names.queue === queue)
      .map(({ queue, kind, state, count }) => ({
        queue,
        kind,
        state,
        category: null,
        jobs: count,
      })),
    ...failed,
  ];
}

async function countFailed(
  store: Store,
  query: Query,
  names: BulkPlan['filter']['names'],
): Promise<GroupRow[]> {
  const parts = Array.from({ length: store.partitions }, (_, partition) => {
    const events = store.tables.eventsOf(partition);
    return `select queue, kind, data->'error'->>'category' as category from ${events} e
      where partition = ${partition} and ${endingCondition('failed', events)}
        and ($1::text is null or kind = $1) and ($2::text is null or queue = $2)`;
  });
  const { rows } = await query(
    `select queue, kind, 'failed' as state, category, count(*)::float8 as jobs
      from (${parts.join(' union all ')}) failed group by queue, kind, category`,
    [names.kind ?? null, names.queue ?? null],
  );
  return rows as GroupRow[];
}
