import { LedgerError } from '../errors.js';
import { nameProblem } from '../job/names.js';
import type { EnqueueOptions } from '../api.js';
import type { JsonObject } from '../job/json.js';
import { prepare, type Prepared } from './prepare.js';

/** A row of the inbox, timestamps and prepared JSON as text. */
export interface InboxRow {
  readonly id: number;
  readonly sort: string;
  readonly job_id: string;
  readonly kind: string | null;
  readonly payload: unknown;
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
}

/** A row as a checked job. Throws one line naming the column that cannot be right. */
export function preparedFromRow(row: InboxRow): Prepared {
  if (row.sort === 'prepared') return preparedByLibrary(row);
  if (row.sort !== 'enqueue')
    throw bad(`sort: expected 'enqueue', got ${JSON.stringify(row.sort)}`);
  const problem = nameProblem('kind', row.kind ?? undefined);
  if (problem !== undefined) throw bad(problem);
  const prepared = prepare(row.kind!, row.payload ?? {}, optionsOf(row));
  return { ...prepared, runAt: row.run_at, delayMs: row.run_at === null ? prepared.delayMs : null };
}

/** What the library wrote was checked when it was accepted. */
function preparedByLibrary(row: InboxRow): Prepared {
  if (row.kind === null || row.data === null || row.meta === null) throw bad('data: missing');
  return {
    id: row.job_id,
    kind: row.kind,
    queue: row.queue ?? 'default',
    priority: row.priority ?? 0,
    maxAttempts: row.max_attempts ?? 5,
    data: row.data,
    meta: row.meta,
    delayMs: null,
    runAt: row.run_at,
    unique: undefined,
    actor: row.actor,
    bytes: row.data.length,
  };
}

function optionsOf(row: InboxRow): EnqueueOptions {
  const given = {
    delay: row.run_at === null ? row.delay_ms : null,
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

function bad(message: string): LedgerError {
  return new LedgerError('BAD_INPUT', message);
}
