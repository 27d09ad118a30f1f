import type { Store } from '../store.js';

/**
 * A partition is tallied again once this many events lie behind its last tally, and at least once in
 * twice as many: between two tallies no more have to be counted.
 */
const STEP = 4_000;

/**
 * Keeps running totals of the events by queue and kind, so that `stats`, of now or of an earlier time,
 * need not count the whole log. Derived, append-only and dense like the log itself: each tally is the
 * one before it plus the events between. Dropping the table loses nothing.
 */
export async function tally(store: Store, step = STEP): Promise<void> {
  for (let partition = 0; partition < store.partitions; partition++) {
    while (await tallyPartition(store, partition, step));
  }
}

async function tallyPartition(store: Store, partition: number, step: number): Promise<boolean> {
  const t = store.tables;
  const result = await store.database.pool.query({
    text: `with last as materialized (
        select coalesce((select position from ${t.tallies} where partition = ${partition}
          order by position desc limit 1), 0) as position),
      head as materialized (
        select coalesce((select position from ${t.eventsOf(partition)} where partition = ${partition}
          order by position desc limit 1), 0) as position),
      target as materialized (
        select least(head.position, last.position + 2 * ${step}) as position from head, last
        where head.position - last.position >= ${step}),
      added as (${totalsBetween(store, partition, '(select position from last)', '(select position from target)')}),
      inserted as (
        insert into ${t.tallies}(partition, position, ${TOTALS}, queue, kind)
        select ${partition}, (select position from target), ${TOTALS.split(', ')
          .map((name) => `sum(${name})`)
          .join(', ')}, queue, kind
        from (select ${TOTALS}, queue, kind from added union all
          select ${TOTALS}, queue, kind from ${t.tallies}
          where partition = ${partition} and position = (select position from last)) both_parts
        where exists (select from target) group by queue, kind on conflict do nothing)
      select position from target`,
  });
  return (result.rowCount ?? 0) > 0;
}

/** Columns of a tally, in order. `failed` may fall again: a retry or a discard takes one off. */
export const TOTALS = 'enqueued, succeeded, failed, canceled, discarded';

/** Totals by queue and kind of the events after one position, up to and including another. */
export function totalsBetween(
  store: Store,
  partition: number,
  after: string,
  upTo: string,
): string {
  const count = (condition: string) => `count(*) filter (where ${condition})`;
  const failed = `type in ('AttemptFailed', 'AttemptLost') and data->'decision'->>'action' = 'fail'`;
  const unfailed = `type in ('JobRetried', 'JobDiscarded') and data->>'from' = 'failed'`;
  return `select queue, kind, ${count(`type = 'JobEnqueued'`)} as enqueued,
    ${count(`type = 'AttemptSucceeded'`)} as succeeded,
    ${count(failed)} - ${count(unfailed)} as failed,
    ${count(`type = 'JobCanceled'`)} as canceled, ${count(`type = 'JobDiscarded'`)} as discarded
    from ${store.tables.eventsOf(partition)}
    where partition = ${partition} and position > ${after} and position <= ${upTo}
      and type <> 'AttemptStarted'
    group by queue, kind`;
}
