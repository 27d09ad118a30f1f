import type { Statement } from '../../database.js';
import { perPartition, type Store } from '../store.js';
import { inStretch, stretchTable, stretchValues, type Stretch } from './stretches.js';

/**
 * Whether a dispatch row `r` stands where its stream does. A row without a stream, or behind it, is
 * a stray: it comes of damage, and a claim of it would fail on the version for ever, or record what
 * never was. One index probe.
 */
export function isCurrent(store: Store, partition: number): string {
  return `r.version = (select e.version from ${store.tables.eventsOf(partition)} e
        where e.stream_id = r.job_id order by e.version desc limit 1)`;
}

/** Counts the strays among the first thousand rows of each stretch. */
export function straysStatement(
  store: Store,
  partition: number,
  queue: string,
  stretches: readonly Stretch[],
): Statement {
  return { text: straysText(store, partition), values: [queue, ...stretchValues(stretches)] };
}

const straysText = perPartition(
  (store, partition) => `select count(distinct r.job_id)::int as rows from ${stretchTable(2)}
    cross join lateral (select r.job_id, r.version from ${store.tables.ready} r
      where ${inStretch(partition, '$1')} order by r.priority, r.seq limit 1000 offset 0) r
    where (${isCurrent(store, partition)}) is not true`,
);
