import type { ListOptions } from '../../api-views.js';
import { snapshot } from '../../database.js';
import type { StateName } from '../../job/state.js';
import { clock, type Store } from '../store.js';

/** A job that a list may show. */
export interface Found {
  readonly id: string;
}

type Filter = Pick<ListOptions, 'kind' | 'queue'>;

/** Jobs that wait or run, in the order in which they will run (running ones: have begun). */
export async function findWaiting(
  store: Store,
  state: 'scheduled' | 'available' | 'running' | 'retrying',
  filter: Filter,
  limit: number,
): Promise<readonly Found[]> {
  const { ready, scheduled, leases } = store.tables;
  const where = `($1::text is null or kind = $1) and ($2::text is null or queue = $2)`;
  const now = clock('$4');
  const texts = {
    available: `select id from (
      (select job_id as id, priority, seq from ${ready} where ${where} order by priority, seq limit $3)
      union all (select job_id, priority, 9223372036854775807 from ${scheduled}
        where ${where} and run_at <= ${now} order by priority, run_at limit $3)) both_tables
      order by priority, seq limit $3`,
    running: `select job_id as id from ${leases} where ${where} and $4::float8 is not null
      order by claimed_at, seq limit $3`,
    scheduled: waitingText(scheduled, 'scheduled', where, now),
    retrying: waitingText(scheduled, 'retrying', where, now),
  };
  return snapshot(store.database, async (query) => {
    const values = [filter.kind ?? null, filter.queue ?? null, limit, store.clockShiftMs()];
    return (await query(texts[state], values)).rows as Found[];
  });
}

function waitingText(scheduled: string, state: string, where: string, now: string): string {
  return `select job_id as id from ${scheduled} where ${where} and state = '${state}' and run_at > ${now}
    order by run_at limit $3`;
}

const ENDINGS = {
  succeeded: `type = 'AttemptSucceeded'`,
  failed: `type in ('AttemptFailed', 'AttemptLost') and data->'decision'->>'action' = 'fail'`,
  canceled: `type = 'JobCanceled'`,
  discarded: `type = 'JobDiscarded'`,
} as const satisfies Partial<Record<StateName, string>>;

/** Jobs that ended so and have not moved on since, newest first: read from the end of the log. */
export async function findEnded(
  store: Store,
  state: keyof typeof ENDINGS,
  filter: Filter,
  limit: number,
): Promise<readonly Found[]> {
  return fromTheEnd(store, (events) => endingCondition(state, events), filter, limit);
}

/** That an event `e` ended its job so, and that the job has not moved on since. */
export function endingCondition(state: keyof typeof ENDINGS, events: string): string {
  return `${ENDINGS[state]} and not exists (select from ${events} later
    where later.stream_id = e.stream_id and later.version > e.version
      and later.type in ('JobRetried', 'JobDiscarded'))`;
}

/** Rows of the inbox that are on their way to become jobs, newest first. */
export async function findAccepted(
  store: Store,
  filter: Filter,
  limit: number,
): Promise<readonly Found[]> {
  const result = await store.database.pool.query<Found>({
    text: `select job_id as id from ${store.tables.inbox}
      where set_aside_at is null and sort <> 'duplicate' and ($1::text is null or kind = $1)
        and ($2::text is null or coalesce(queue, 'default') = $2)
      order by id desc limit $3`,
    values: [filter.kind ?? null, filter.queue ?? null, limit],
  });
  return result.rows;
}

/** The newest jobs, whatever became of them. */
export async function findEnqueued(
  store: Store,
  filter: Filter,
  limit: number,
): Promise<readonly Found[]> {
  return fromTheEnd(store, () => `type = 'JobEnqueued'`, filter, limit);
}

async function fromTheEnd(
  store: Store,
  condition: (events: string) => string,
  filter: Filter,
  limit: number,
): Promise<readonly Found[]> {
  const parts = Array.from({ length: store.partitions }, (_, partition) => {
    const events = store.tables.eventsOf(partition);
    return `(select stream_id as id, recorded_at, position from ${events} e
      where partition = ${partition} and ${condition(events)}
        and ($1::text is null or kind = $1) and ($2::text is null or queue = $2)
      order by position desc limit $3)`;
  });
  const result = await store.database.pool.query<Found>({
    text: `select id from (${parts.join(' union all ')}) newest order by recorded_at desc, position desc limit $3`,
    values: [filter.kind ?? null, filter.queue ?? null, limit],
  });
  return result.rows;
}
