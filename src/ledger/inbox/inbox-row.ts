import type { EnqueueOptions } from '../../job/enqueue-options.js';
import type { JsonObject } from '../../job/json.js';
import { MAX_EVENT_BYTES } from '../../job/limits.js';
import { addMs } from '../add-ms.js';
import { bad, named } from '../check.js';
import { prepare, type Prepared } from '../enqueue/prepare.js';
import { iso } from '../store.js';

/** A row of the inbox, timestamps and JSON as text. */
export interface InboxRow {
  readonly id: number;
  readonly sort: string;
  readonly job_id: string;
  readonly kind: string | null;
  /** Null too if it is larger than any event may be. */
  readonly payload: string | null;
  readonly payload_bytes: number | null;
  readonly queue: string | null;
  readonly priority: number | null;
  readonly run_at: string | null;
  readonly delay_ms: number | null;
  readonly max_attempts: number | null;
  readonly timeout_ms: number | null;
  readonly retry: unknown;
  readonly metadata: unknown;
  readonly tenant: string | null;
  readonly principal: string | null;
  readonly correlation_id: string | null;
  readonly causation_id: string | null;
  readonly actor: string | null;
  readonly unique_key: string | null;
  readonly unique_scope: string | null;
  readonly unique_within_ms: number | null;
  readonly unique_held: boolean;
  readonly data: string | null;
  readonly meta: string | null;
  readonly created_at: string;
}

const PLAIN = [
  ...['id', 'sort', 'job_id', 'kind', 'queue', 'priority', 'delay_ms', 'max_attempts'],
  ...['timeout_ms', 'tenant', 'principal', 'correlation_id', 'causation_id', 'actor'],
  ...['unique_key', 'unique_scope', 'unique_within_ms', 'unique_held'],
];

/** What no event can hold is not fetched: one row must not take all memory. */
const capped = (column: string, instead: string, cast = ''): string =>
  `case when octet_length(${column}::text) > ${MAX_EVENT_BYTES} then ${instead} else ${column}${cast} end as ${column}`;

/** The select list of an InboxRow. A time that has no ISO 8601 text comes as Postgres prints it. */
export const INBOX_FIELDS = `${PLAIN.join(', ')}, ${capped('payload', 'null', '::text')},
  octet_length(payload::text) as payload_bytes, ${capped('retry', `'[]'`)},
  ${capped('metadata', `'[]'`)}, data::text as data, meta::text as meta,
  case when run_at between '0001-01-01T00:00Z' and '9999-12-31T00:00Z' then ${iso('run_at')}
    else run_at::text end as run_at, ${iso('created_at')} as created_at`;

/** A row as a checked job. Throws one line naming the column that cannot be right. */
export function preparedFromRow(row: InboxRow): Prepared {
  if (row.sort === 'prepared') return preparedByLibrary(row);
  if (row.sort !== 'enqueue')
    throw bad(`sort: expected 'enqueue', got ${JSON.stringify(row.sort)}`);
  const kind = named('kind', row.kind ?? undefined);
  if (row.payload_bytes !== null && row.payload === null) {
    throw bad(`payload: expected at most ${MAX_EVENT_BYTES} bytes, got ${row.payload_bytes}`);
  }
  const payload: unknown = row.payload === null ? {} : JSON.parse(row.payload);
  const prepared = prepare(kind, payload, optionsOf(row));
  if (prepared.delayMs === null) return prepared;
  // Counted from the insert: how long the movers took is no part of the delay.
  return { ...prepared, delayMs: null, runAt: addMs(row.created_at, prepared.delayMs) };
}

/** What the library wrote was checked when it was accepted. */
function preparedByLibrary(row: InboxRow): Prepared {
  if (row.data === null || row.meta === null)
    throw bad('data, meta: expected what the library wrote');
  return {
    id: row.job_id,
    kind: named('kind', row.kind),
    queue: row.queue ?? 'default',
    priority: row.priority ?? 0,
    maxAttempts: row.max_attempts ?? 5,
    data: row.data,
    meta: row.meta,
    delayMs: null,
    runAt: row.run_at,
    unique: undefined,
    actor: row.actor,
    trace: 'auto',
    bytes: row.data.length,
  };
}

function optionsOf(row: InboxRow): EnqueueOptions {
  const given = {
    runAt: row.run_at,
    delay: row.delay_ms,
    priority: row.priority,
    queue: row.queue,
    maxAttempts: row.max_attempts,
    timeout: row.timeout_ms,
    retry: row.retry,
    tenant: row.tenant,
    principal: row.principal,
    correlationId: row.correlation_id,
    causationId: row.causation_id,
    actor: row.actor,
    metadata: row.metadata as JsonObject | null,
  };
  const set = Object.entries(given).filter(([, value]) => value !== null);
  return {
    ...Object.fromEntries(set),
    ...(row.unique_key === null ? {} : { unique: uniqueOf(row) }),
  };
}

function uniqueOf(row: InboxRow): EnqueueOptions['unique'] {
  const within = row.unique_within_ms;
  const scope = row.unique_scope ?? (within === null ? 'active' : 'within');
  if (scope === 'within') return { key: row.unique_key!, scope: { within: within ?? Number.NaN } };
  if (scope === 'active' || scope === 'forever') return { key: row.unique_key!, scope };
  throw bad(`unique_scope: expected 'active', 'forever' or 'within', got ${JSON.stringify(scope)}`);
}
