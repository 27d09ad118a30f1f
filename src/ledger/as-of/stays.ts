import type { StateName } from '../../job/state.js';
import type { Filter } from '../query/job-filter.js';
import { FILTER_COLUMNS } from '../query/read-model.js';
import type { Store } from '../store.js';
import type { Settled } from './instant.js';

/** Which stays are meant. */
export interface StayFilter {
  readonly states: readonly StateName[];
  readonly names: Filter['names'];
}

/** A place in the order of stays: the latest begun first. */
export interface StayKey {
  readonly at: string;
  readonly id: string;
}

/** Lengths by the power of two, as `projections/job-states.ts` has them; the last has no bound. */
const LAST_SPAN = 41;

/**
 * A select of the stays that an instant falls into, for `from`. Each span's part is a range of the
 * index by queue, state, span and since, in which most stays have lasted until then; nothing of before
 * or behind is looked at. With a limit, so many of the latest begun.
 */
export function staysAt(
  store: Store,
  at: Settled,
  { states, names }: StayFilter,
  page?: { readonly limit: number; readonly after: StayKey | undefined },
) {
  const values: unknown[] = [];
  const add = (value: unknown): string => `$${values.push(value)}`;
  const t = `${add(at)}::timestamptz`;
  const { queue, ...others } = names;
  const parts = Object.entries(others).map(
    ([name, value]) => `v.${FILTER_COLUMNS[name as keyof typeof FILTER_COLUMNS]} = ${add(value)}`,
  );
  if (page?.after !== undefined) {
    const [since, id] = [add(page.after.at), add(page.after.id)];
    parts.push(`v.since <= ${since}::timestamptz`);
    parts.push(`(v.since, v.id) < (${since}::timestamptz, ${id}::uuid)`);
  }
  const where = `where v.queue = q.queue and v.state = s.state and v.since <= ${t}
    ${parts.map((part) => `and ${part}`).join(' ')}`;
  const order =
    page === undefined ? 'offset 0' : `order by v.since desc, v.id desc limit ${add(page.limit)}`;
  const view = store.tables.jobStates;
  const text = `(with recursive queues(queue) as (${queue === undefined ? allQueues(view) : `select ${add(queue)}::text`})
    select found.* from queues q cross join unnest(${add(states)}::text[]) s(state)
    cross join lateral (
      select e.* from generate_series(0, ${LAST_SPAN - 1}) k(span) cross join lateral (
        select v.* from ${view} v ${where} and v.span = k.span and v.until > ${t}
          and v.since > ${t} - 2 ^ k.span * interval '1 millisecond' ${order}) e
      union all select e.* from (
        select v.* from ${view} v ${where} and v.span = ${LAST_SPAN}
          and (v.until is null or v.until > ${t}) ${order}) e) found
    where q.queue is not null)`;
  return { text, values, add };
}

/** Each queue by one probe of the index. */
function allQueues(view: string): string {
  return `(select v.queue from ${view} v order by v.queue limit 1)
    union all select (select v.queue from ${view} v where v.queue > q.queue order by v.queue limit 1)
      from queues q where q.queue is not null`;
}
