import { setTimeout as pause } from 'node:timers/promises';
import { SESSION_SETTINGS, snapshot } from '../../database.js';
import { LedgerError } from '../../errors.js';
import type { StateName } from '../../job/state.js';
import { sqlState } from '../../sql-errors.js';
import type { Filter } from '../job-filter.js';
import type { Query } from '../read-model.js';
import type { Store } from '../store.js';
import type { Settled } from './instant.js';
import { positionsAt } from './positions.js';

/** How long a read model that is a little behind is waited for, in milliseconds. */
const PATIENCE_MS = 2_000;
const LOOK_MS = 20;

/** What is read of the past: on one snapshot, by index whatever the statistics say. */
export interface Past {
  readonly at: Settled;
  readonly query: Query;
  /** The last position of each partition at that instant. */
  readonly positions: readonly number[];
}

/**
 * Reads with the read model `job-states`, once it holds all events up to the instant. Throws
 * `READ_MODEL_MISSING`, `NOT_CAUGHT_UP`, or `JOB_PARKED` if it leaves out a job of before.
 */
export async function readPast<T>(
  store: Store,
  at: Settled,
  read: (past: Past) => Promise<T>,
): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await snapshot<Answer<T>>(store.database, async (query) => {
      for (const name of ['enable_seqscan', 'enable_hashjoin', 'enable_mergejoin'] as const)
        await query(`set local ${name} = ${SESSION_SETTINGS[name]}`);
      const positions = await positionsAt(store, query, at);
      const lag = await readLag(store, query, positions);
      if (lag > 0) return { lag };
      return { lag, value: await explained(read({ at, query, positions })) };
    });
    if (answer.lag === 0) return answer.value as T;
    if (performance.now() > until) throw behind(answer.lag, at);
    await pause(LOOK_MS);
  }
}

interface Answer<T> {
  readonly lag: number;
  readonly value?: T;
}

/** Events of before the instant that are not in the served read model. */
async function readLag(store: Store, query: Query, positions: readonly number[]): Promise<number> {
  const { projections, checkpoints, parked } = store.tables;
  const { rows } = await query(
    `select sum(greatest(0, at.position - c.position))::float8 as lag, count(k.job_id)::int as parked,
        exists (select from ${projections} where name = 'job-states') as known
      from ${projections} p join ${checkpoints} c on c.build = p.id
      join unnest($1::int8[]) with ordinality at(position, number) on at.number = c.partition + 1
      left join lateral (select job_id from ${parked} k where k.build = p.id
        and k.partition = c.partition and k.position <= at.position limit 1) k on true
      where p.name = 'job-states' and p.state = 'live'`,
    [positions],
  );
  const { lag, parked: left, known } = rows[0] as Lag;
  if (lag === null && known) throw missing('the read model is still being built');
  if (lag === null) throw missing('the read model is not there');
  if (left === 0) return lag;
  const message = `job-states: it leaves out jobs whose events it could not take; see "jobledger projections parked", then "jobledger projections unpark job-states"`;
  throw new LedgerError('JOB_PARKED', message);
}

interface Lag {
  readonly lag: number | null;
  readonly parked: number;
  readonly known: boolean;
}

function behind(lag: number, at: string): LedgerError {
  const message = `job-states: the read model lacks ${lag} of the events up to ${at}; is a projector running? "jobledger project" is one`;
  return new LedgerError('NOT_CAUGHT_UP', message);
}

function missing(why: string, cause?: unknown): LedgerError {
  const message = `job-states: ${why}, and lists and counts of the past need it; run "jobledger project"`;
  return new LedgerError('READ_MODEL_MISSING', message, { cause });
}

/** Its user may edit it, but not take away what is asked for here. */
async function explained<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const state = sqlState(error);
    if (state === '42P01') throw missing('its view is not there', error);
    if (state === '42703') throw missing(`it lacks a column (${(error as Error).message})`, error);
    throw error;
  }
}

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

const COLUMNS = {
  kind: 'kind',
  queue: 'queue',
  tenant: 'tenant',
  principal: 'principal',
  correlationId: 'correlation_id',
  errorCategory: 'error_category',
  fingerprint: 'error_fingerprint',
} as const satisfies { readonly [N in keyof Filter['names']]-?: string };

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
    ([name, value]) => `v.${COLUMNS[name as keyof typeof COLUMNS]} = ${add(value)}`,
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
