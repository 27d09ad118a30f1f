import type { EnqueueOptions } from '../../job/enqueue-options.js';
import { LedgerError } from '../../errors.js';
import { DEFAULTS } from '../../job/defaults.js';
import type { JobContract } from '../../job/define.js';
import { encodeJson } from '../../job/encode-json.js';
import type { EventMeta, JobEvents } from '../../job/events.js';
import type { Json } from '../../job/json.js';
import {
  delayProblem,
  MAX_EVENT_BYTES,
  maxAttemptsProblem,
  priorityProblem,
  shown,
  timeoutProblem,
} from '../../job/limits.js';
import { traceProblem, unknownOptions } from '../../job/option-problems.js';
import { resolveRetry, type RetryOption, type RetryPolicy } from '../../job/retry.js';
import { retryProblems } from '../../job/retry-problems.js';
import { bad, checked, instantOf, named, uuidOf } from '../check.js';
import { keyOf, type PreparedKey } from '../keys/prepare-key.js';

/** A job that has passed every check and only needs an id, a partition and a flush. */
export interface Prepared {
  readonly id: string | undefined;
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
  readonly trace: 'auto' | 'child' | 'link';
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
  checkJob(job);
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
  const retry = options.retry === undefined ? kindRetry(contract?.retry) : retryOf(options.retry);
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
    id: options.id === undefined ? undefined : uuidOf('id', options.id),
    kind,
    queue: named('queue', options.queue ?? contract?.queue ?? DEFAULTS.queue),
    priority,
    maxAttempts,
    data: text.text,
    meta: JSON.stringify(metaOf(options, inherited)),
    ...timing,
    unique,
    actor: options.actor ?? null,
    trace: traceOf(options.trace ?? contract?.trace),
    bytes: text.storedBytes,
  };
}

const OPTIONS = {
  id: true,
  runAt: true,
  delay: true,
  priority: true,
  queue: true,
  unique: true,
  maxAttempts: true,
  timeout: true,
  retry: true,
  tenant: true,
  principal: true,
  correlationId: true,
  causationId: true,
  metadata: true,
  actor: true,
  trace: true,
  transaction: true,
} as const satisfies { readonly [K in keyof EnqueueOptions]-?: true };

function checkKnown(options: EnqueueOptions): void {
  if (typeof options !== 'object' || options === null) {
    throw bad(`options: expected an object, got ${shown(options)}`);
  }
  const [unknown] = unknownOptions(options, OPTIONS, 'enqueue');
  if (unknown !== undefined) throw bad(unknown);
}

function checkJob(job: unknown): void {
  const isContract = typeof job === 'object' && job !== null && 'kind' in job && 'options' in job;
  if (!isContract && typeof job !== 'string') {
    throw bad(`job: expected a job definition or the name of a kind, got ${shown(job)}`);
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

/** A job's own policy is data: a function cannot travel with it. */
function retryOf(retry: unknown): RetryPolicy {
  const [problem] = retryProblems(retry);
  if (problem !== undefined) throw bad(problem);
  return resolveRetry(retry as RetryOption).policy;
}

/** A kind's policy, unless it is code, which stays with the worker. None means the default one. */
function kindRetry(retry: RetryOption | undefined): RetryPolicy | undefined {
  return retry === undefined || typeof retry === 'function' ? undefined : retryOf(retry);
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

function traceOf(trace: Prepared['trace'] = 'auto'): Prepared['trace'] {
  const problem = traceProblem(trace);
  if (problem !== undefined) throw bad(problem);
  return trace;
}

function metadataOf(metadata: unknown): JobEvents['JobEnqueued']['metadata'] {
  if (typeof metadata !== 'object' || metadata === null || Array.isArray(metadata)) {
    throw bad('metadata: expected an object');
  }
  return metadata as JobEvents['JobEnqueued']['metadata'];
}

function encoded(data: JobEvents['JobEnqueued']): { text: string; storedBytes: number } {
  const answer = encodeJson(data, '');
  if ('problem' in answer) {
    const problem = answer.problem.replace(/^\./, '');
    throw problem.startsWith('payload')
      ? new LedgerError('PAYLOAD_INVALID', problem)
      : bad(problem);
  }
  if (answer.storedBytes > MAX_EVENT_BYTES) {
    throw new LedgerError(
      'PAYLOAD_TOO_LARGE',
      `payload: expected an event of at most ${MAX_EVENT_BYTES} bytes, got ${answer.storedBytes}`,
    );
  }
  return answer;
}
