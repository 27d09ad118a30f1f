import type { EnqueueOptions } from '../api.js';
import { LedgerError } from '../errors.js';
import { DEFAULTS } from '../job/defaults.js';
import type { JobContract } from '../job/define.js';
import type { EventMeta, JobEvents, UniqueScope } from '../job/events.js';
import { toInstant } from '../job/instant.js';
import type { Json } from '../job/json.js';
import { encodeJson } from '../job/encode-json.js';
import {
  delayProblem,
  MAX_EVENT_BYTES,
  maxAttemptsProblem,
  priorityProblem,
  timeoutProblem,
} from '../job/limits.js';
import { keyProblem, nameProblem } from '../job/names.js';
import { resolveRetry, type RetryOption, type RetryPolicy } from '../job/retry.js';
import { retryProblems } from '../job/retry-problems.js';
import { isUuid } from './ids.js';

/** A unique key as it is taken: per tenant and kind. */
export interface PreparedKey {
  readonly tenant: string;
  readonly key: string;
  readonly scope: UniqueScope;
  readonly onConflict: 'return' | 'reject';
}

/** A job that has passed every check and only needs an id, a partition and a flush. */
export interface Prepared {
  readonly id: string | undefined;
  /** Set once an id made by us is fixed for a repeated flush. */
  readonly idIsOurs?: boolean;
  readonly kind: string;
  readonly queue: string;
  readonly priority: number;
  readonly maxAttempts: number;
  readonly data: string;
  readonly meta: string;
  readonly delayMs: number | null;
  readonly runAt: string | null;
  readonly unique: PreparedKey | undefined;
  readonly actor: string | null;
  /** Size as Postgres stores it. */
  readonly bytes: number;
}

/** Defaults come from the job, then its kind, then the library. Throws one line naming the field. */
export function prepare(
  job: JobContract | string,
  payload: unknown,
  options: EnqueueOptions,
  inherited: EventMeta = {},
): Prepared {
  checkKnown(options);
  const contract = typeof job === 'string' ? undefined : job.options;
  const kind = named('kind', typeof job === 'string' ? job : job.kind);
  const timing = timingOf(options);
  const unique = options.unique === undefined ? undefined : keyOf(options);
  const priority = checked(
    priorityProblem,
    'priority',
    options.priority ?? contract?.priority ?? DEFAULTS.priority,
  );
  const maxAttempts = checked(
    maxAttemptsProblem,
    'maxAttempts',
    options.maxAttempts ?? contract?.maxAttempts ?? DEFAULTS.maxAttempts,
  );
  const timeout = options.timeout !== undefined ? options.timeout : contract?.timeout;
  const retry = retryData(options.retry ?? contract?.retry);
  const data: JobEvents['JobEnqueued'] = {
    payload: payload as Json,
    priority,
    maxAttempts,
    timeoutMs:
      timeout === undefined ? DEFAULTS.timeoutMs : checked(timeoutProblem, 'timeout', timeout),
    ...(retry === undefined ? {} : { retry }),
    ...(timing.runAt === null ? {} : { runAt: timing.runAt }),
    ...(unique === undefined ? {} : { unique: { key: unique.key, scope: unique.scope } }),
    ...(options.metadata === undefined ? {} : { metadata: metadataOf(options.metadata) }),
  };
  const text = encoded(data);
  return {
    id: options.id === undefined ? undefined : uuid('id', options.id),
    kind,
    queue: named('queue', options.queue ?? contract?.queue ?? DEFAULTS.queue),
    priority,
    maxAttempts,
    data: text.text,
    meta: JSON.stringify(metaOf(options, inherited)),
    ...timing,
    unique,
    actor: options.actor ?? null,
    bytes: text.storedBytes,
  };
}

const OPTIONS = new Set([
  ...[
    'id',
    'runAt',
    'delay',
    'priority',
    'queue',
    'unique',
    'maxAttempts',
    'timeout',
    'retry',
    'tenant',
  ],
  ...[
    'principal',
    'correlationId',
    'causationId',
    'metadata',
    'actor',
    'transaction',
    'job',
    'payload',
    'trace',
  ],
]);

function checkKnown(options: EnqueueOptions): void {
  for (const name of Object.keys(options)) {
    if (!OPTIONS.has(name)) throw bad(`${name}: no such option of enqueue`);
  }
}

function timingOf(options: EnqueueOptions): { delayMs: number | null; runAt: string | null } {
  if (options.runAt !== undefined && options.delay !== undefined) {
    throw bad('runAt, delay: expected one of them, not both');
  }
  if (options.delay !== undefined) {
    return { delayMs: checked(delayProblem, 'delay', options.delay), runAt: null };
  }
  if (options.runAt === undefined) return { delayMs: null, runAt: null };
  return { delayMs: null, runAt: instantOf('runAt', options.runAt) };
}

/** Checks a time given by a user. */
export function instantOf(field: string, value: unknown): string {
  const answer = toInstant(field, value);
  if ('problem' in answer) throw bad(answer.problem);
  return answer.instant;
}

function keyOf(options: EnqueueOptions): PreparedKey {
  const { key, scope = 'active', onConflict = 'return' } = options.unique!;
  const problem = keyProblem('unique.key', key);
  if (problem !== undefined) throw bad(problem);
  if (onConflict !== 'return' && onConflict !== 'reject') {
    throw bad(
      `unique.onConflict: expected 'return' or 'reject', got ${JSON.stringify(onConflict)}`,
    );
  }
  return { tenant: options.tenant ?? '', key, scope: scopeOf(scope), onConflict };
}

function scopeOf(scope: NonNullable<EnqueueOptions['unique']>['scope']): UniqueScope {
  if (scope === 'active' || scope === 'forever') return scope;
  if (typeof scope === 'object' && scope !== null && 'within' in scope) {
    return { withinMs: checked(delayProblem, 'unique.scope.within', scope.within) };
  }
  throw bad(`unique.scope: expected 'active', 'forever' or { within: milliseconds }`);
}

/** The default policy is not written down: an absent one means it, in this schema version. */
function retryData(retry: RetryOption | undefined): RetryPolicy | undefined {
  if (retry === undefined || typeof retry === 'function') return undefined;
  const [problem] = retryProblems(retry);
  if (problem !== undefined) throw bad(problem);
  return resolveRetry(retry).policy;
}

function metaOf(options: EnqueueOptions, inherited: EventMeta): EventMeta {
  const meta: Record<string, unknown> = { ...inherited };
  for (const name of ['actor', 'tenant', 'principal', 'correlationId'] as const) {
    if (options[name] !== undefined) meta[name] = named(name, options[name]);
  }
  if (options.causationId !== undefined)
    meta['causationId'] = named('causationId', options.causationId);
  return meta;
}

function metadataOf(metadata: unknown): JobEvents['JobEnqueued']['metadata'] {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw bad('metadata: expected an object');
  }
  return metadata as JobEvents['JobEnqueued']['metadata'];
}

function encoded(data: JobEvents['JobEnqueued']): { text: string; storedBytes: number } {
  const answer = encodeJson(data, '');
  if ('problem' in answer)
    throw new LedgerError('PAYLOAD_INVALID', answer.problem.replace(/^\./, ''));
  if (answer.storedBytes > MAX_EVENT_BYTES) {
    throw new LedgerError(
      'PAYLOAD_TOO_LARGE',
      `payload: expected an event of at most ${MAX_EVENT_BYTES} bytes, got ${answer.storedBytes}`,
    );
  }
  return answer;
}

function uuid(field: string, value: unknown): string {
  if (!isUuid(value)) throw bad(`${field}: expected a UUID, got ${JSON.stringify(value)}`);
  return value.toLowerCase();
}

function named(field: string, value: unknown): string {
  const problem = nameProblem(field, value);
  if (problem !== undefined) throw bad(problem);
  return value as string;
}

function checked<T>(
  problemOf: (field: string, value: unknown) => string | undefined,
  field: string,
  value: T,
): T {
  const problem = problemOf(field, value);
  if (problem !== undefined) throw bad(problem);
  return value;
}

function bad(message: string): LedgerError {
  return new LedgerError('BAD_INPUT', message);
}
