import type { StateName } from '../../job/state.js';
import type { Store } from '../store.js';
import type { Settled } from './instant.js';
import type { Past } from './past.js';
import { staysAt } from './stays.js';

/** Two instants, read from the later one. */
export interface Between extends Past {
  readonly first: Settled;
  /** The last position of each partition at the first instant. */
  readonly start: readonly number[];
  readonly names: { readonly queue?: string; readonly kind?: string };
}

/** Jobs that were in one state and are in another, failed ones by their error. */
export interface MovedJobs {
  readonly from: StateName | null;
  readonly to: StateName;
  readonly category: string | null;
  readonly fingerprint: string | null;
  readonly jobs: number;
  readonly sample: string;
}

/** Only jobs with an event between, or with a time that has come, can have moved; each is looked at once. */
export async function readMoves(store: Store, between: Between): Promise<MovedJobs[]> {
  const { first, at, names } = between;
  const due = staysAt(store, first, { states: ['scheduled', 'retrying'], names });
  const [from, to] = [`${due.add(first)}::timestamptz`, `${due.add(at)}::timestamptz`];
  const stay = (instant: string) => `select state, error_category, error_fingerprint
    from ${store.tables.jobStates} v where v.id = t.id and v.since <= ${instant}
      and (v.until is null or v.until > ${instant}) limit 1`;
  const error = (column: string) => `case when a.state = 'failed' then a.${column} end`;
  const { rows } = await between.query(
    `with touched as materialized (
        ${touched(store, between, due.add)} union select id from ${due.text} due where until <= ${to})
      select b.state as from, a.state as to, ${error('error_category')} as category,
        ${error('error_fingerprint')} as fingerprint, count(*)::float8 as jobs, max(t.id::text) as sample
      from touched t cross join lateral (${stay(to)}) a left join lateral (${stay(from)}) b on true
      where a.state is distinct from b.state group by 1, 2, 3, 4 order by jobs desc, 1, 2, 3, 4`,
    due.values,
  );
  return rows as MovedJobs[];
}

/** Events between by type. */
export async function countEvents(
  store: Store,
  between: Between,
): Promise<{ type: string; events: number }[]> {
  const values: unknown[] = [];
  const parts = ranges(store, between, (value) => `$${values.push(value)}`).map(
    (range) => `select type from ${range}`,
  );
  const { rows } = await between.query(
    `select type::text, count(*)::float8 as events from (${parts.join(' union all ')}) between_them
      group by type order by type`,
    values,
  );
  return rows as { type: string; events: number }[];
}

function touched(store: Store, between: Between, add: (value: unknown) => string): string {
  return ranges(store, between, add)
    .map((range) => `select stream_id as id from ${range}`)
    .join(' union ');
}

function ranges(
  { tables }: Store,
  { start, positions, names }: Between,
  add: (value: unknown) => string,
): string[] {
  const only = Object.entries(names).map(([name, value]) => `and ${name} = ${add(value)}`);
  return positions.map(
    (end, partition) => `${tables.eventsOf(partition)} where partition = ${partition}
      and position > ${start[partition]} and position <= ${end} ${only.join(' ')}`,
  );
}
