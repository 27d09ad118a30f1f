import { LedgerError } from '../../errors.js';
import { sqlState } from '../../sql-errors.js';
import type { Filter } from './job-filter.js';
import { iso, type Store } from '../store.js';

/**
 * Questions to the read model `jobs`, which a projector keeps and its user may edit: only its columns
 * are known here. It may lag, so whatever must be true now is told from the events afterwards.
 */
export type Query = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/** A place in the order of pages: newest enqueued first. Neither value of a job ever changes. */
export interface RowKey {
  readonly at: string;
  readonly id: string;
}

/** The next jobs behind a place, newest enqueued first. */
export async function findRows(
  store: Store,
  query: Query,
  filter: Filter,
  after: RowKey | undefined,
  limit: number,
): Promise<readonly RowKey[]> {
  const { text, values, add } = condition(store, filter);
  const behind =
    after === undefined
      ? ''
      : `and (j.enqueued_at, j.id) < (${add(after.at)}::timestamptz, ${add(after.id)}::uuid)`;
  const { rows } = await asking(
    query(
      `select j.id, ${iso('j.enqueued_at')} as at from ${store.tables.jobs} j
        where ${text()} ${behind} order by j.enqueued_at desc, j.id desc limit ${add(limit)}`,
      values,
    ),
  );
  return rows as RowKey[];
}

/** How many jobs fit, by queue, kind, state and the category of the error of failed ones. */
export async function countRows(store: Store, query: Query, filter: Filter): Promise<GroupRow[]> {
  const { text, values } = condition(store, filter);
  const { rows } = await asking(
    query(
      `select j.queue, j.kind, j.state, case when j.state = 'failed' then j.error_category end as category,
          count(*)::float8 as jobs
        from ${store.tables.jobs} j where ${text()} group by 1, 2, 3, 4`,
      values,
    ),
  );
  return rows as GroupRow[];
}

export interface GroupRow {
  readonly queue: string;
  readonly kind: string;
  readonly state: Exclude<Filter['states'], undefined>[number];
  readonly category: string | null;
  readonly jobs: number;
}

/** Events that the served version has not folded yet; null if nothing of ours keeps the view. */
export async function readLag(store: Store, query: Query): Promise<number | null> {
  const { projections, checkpoints } = store.tables;
  const heads = Array.from(
    { length: store.partitions },
    (_, partition) => `coalesce((select position from ${store.tables.eventsOf(partition)}
      where partition = ${partition} order by position desc limit 1), 0)`,
  );
  const { rows } = await query(
    `select (${heads.join(' + ')} - sum(c.position))::float8 as lag from ${projections} p
      join ${checkpoints} c on c.build = p.id where p.name = 'jobs' and p.state = 'live'`,
  );
  return (rows[0] as { lag: number | null }).lag;
}

/** The columns in which read models have what filters name. */
export const FILTER_COLUMNS = {
  kind: 'kind',
  queue: 'queue',
  tenant: 'tenant',
  principal: 'principal',
  correlationId: 'correlation_id',
  errorCategory: 'error_category',
  fingerprint: 'error_fingerprint',
} as const satisfies { readonly [N in keyof Filter['names']]-?: string };

const BOUNDS = {
  enqueuedAfter: 'enqueued_at >=',
  enqueuedBefore: 'enqueued_at <',
  finishedAfter: 'finished_at >=',
  finishedBefore: 'finished_at <',
} as const satisfies { readonly [N in keyof Filter['times']]-?: string };

function condition(store: Store, filter: Filter) {
  const values: unknown[] = [];
  const add = (value: unknown): string => `$${values.push(value)}`;
  const parts: string[] = [];
  const { states, names, errorText, times } = filter;
  if (states !== undefined) parts.push(`j.state = any(${add(states)}::text[])`);
  for (const [name, value] of Object.entries(names))
    parts.push(`j.${FILTER_COLUMNS[name as keyof typeof FILTER_COLUMNS]} = ${add(value)}`);
  for (const [name, value] of Object.entries(times))
    parts.push(`j.${BOUNDS[name as keyof typeof BOUNDS]} ${add(value)}::timestamptz`);
  if (errorText !== undefined) parts.push(`strpos(lower(j.error), lower(${add(errorText)})) > 0`);
  if (filter.payload.length > 0) parts.push(payloadCondition(store, filter.payload, add));
  return { text: () => (parts.length === 0 ? 'true' : parts.join(' and ')), values, add };
}

/** For each row by itself (`offset 0`): a join could as well begin with all events there are. */
function payloadCondition(
  store: Store,
  payload: Filter['payload'],
  add: (value: unknown) => string,
): string {
  const equal = payload.map(
    ({ path, value }) =>
      `(e.data->'payload') #> ${add(path)}::text[] = ${add(JSON.stringify(value))}::jsonb`,
  );
  return `coalesce((select ${equal.join(' and ')} from ${store.tables.events} e
    where e.partition = j.partition and e.position = j.payload_at offset 0), false)`;
}

/** A view that is not there, or that its user has made without a column, is said in one line. */
async function asking<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const state = sqlState(error);
    if (state === '42P01') {
      const message =
        'jobs: the read model is not there, and only state, kind and queue can be asked for without it; run "jobledger project"';
      throw new LedgerError('READ_MODEL_MISSING', message, { cause: error });
    }
    if (state === '42703') {
      const message = `jobs: the read model lacks a column (${(error as Error).message}); take it into projections/jobs.ts under a new version, and run "jobledger projections rebuild jobs"`;
      throw new LedgerError('READ_MODEL_MISSING', message, { cause: error });
    }
    throw error;
  }
}
