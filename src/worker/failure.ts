import type { OutcomeCommand, RetryDelay } from '../job/commands.js';
import { classify } from '../job/classify.js';
import type { AttemptFacts, RunnableJob, Verdict } from '../job/define.js';
import { ERROR_CATEGORIES, type Classification, type ErrorRecord } from '../job/error-record.js';
import { nameProblem } from '../job/names.js';
import { planDelay } from '../job/retry-plan.js';
import {
  isDefaultExcept,
  MAX_RETRY_AFTER_MS,
  resolveRetry,
  shouldRetry,
  type ResolvedRetry,
} from '../job/retry.js';
import { muteRejection } from '../job/mute-rejection.js';
import { toErrorRecord } from '../job/to-error-record.js';
import type { Attempt } from './attempt.js';
import type { WorkerSettings } from './options.js';

/**
 * How an error becomes an outcome: classified by the kind's classifier and the default one, kept as
 * a record, and given the delay that its policy asks for. User code that throws or answers nonsense
 * here loses nothing: the default stands in, and the event says so.
 */
export function failure(
  attempt: Attempt,
  error: unknown,
  settings: WorkerSettings,
  job: RunnableJob,
): OutcomeCommand {
  const durationMs = attempt.durationMs(performance.now());
  const facts = factsOf(attempt, durationMs);
  const { classification, ...extra } = classified(error, facts, job);
  const retry = retryFor(attempt, settings, job);
  const retryable = shouldRetry(classification, retry.policy);
  const record = toErrorRecord(error, { ...classification, retryable }, extra);
  const { previousDelayMs } = attempt;
  const delay = planDelay(retry, { ...facts, error, classification, previousDelayMs }, Math.random);
  return failed(attempt, durationMs, record, delay);
}

/** The attempt took longer than it may; always worth another try. */
export function timeout(attempt: Attempt, settings: WorkerSettings): OutcomeCommand {
  const { timeoutMs } = attempt.enqueued;
  const error = Object.assign(new Error(`the attempt took longer than ${timeoutMs} ms`), {
    name: 'TimeoutError',
    stack: undefined,
  });
  const job = settings.jobs.get(attempt.row.kind)!;
  return failure(attempt, error, settings, job);
}

/** A worker that lacks the kind was told to fail such jobs. */
export function unknownKind(attempt: Attempt): OutcomeCommand {
  const message = `no worker code for kind ${JSON.stringify(attempt.row.kind)}`;
  return {
    ...withoutHandler(attempt, 'UnknownKind', message, 'programming'),
    cause: 'unknown-kind',
  };
}

/** The payload does not match the schema that the worker has. */
export function invalidPayload(attempt: Attempt, problem: string): OutcomeCommand {
  const message = `payload does not match its schema: ${problem}`;
  return {
    ...withoutHandler(attempt, 'InvalidPayload', message, 'validation'),
    cause: 'invalid-payload',
  };
}

/** Its JobEnqueued is not what this program knows: a newer program's, or damaged. */
export function malformed(attempt: Attempt, problem: string): OutcomeCommand {
  return { ...withoutHandler(attempt, 'Malformed', problem, 'programming'), cause: 'malformed' };
}

/** Postgres refused the outcome as it was: the attempt failed in that its end cannot be written. */
export function unstorable(attempt: Attempt, reason: string): OutcomeCommand {
  const made = withoutHandler(attempt, UNSTORABLE, `unstorable: ${reason}`, 'programming');
  return { ...made, cause: 'unstorable' };
}

/** True for what `unstorable` made: there is nothing plainer to record. */
export function isUnstorable(outcome: OutcomeCommand): boolean {
  return outcome.type === 'FailAttempt' && outcome.error.name === UNSTORABLE;
}

const UNSTORABLE = 'Unstorable';

type Failed = Extract<OutcomeCommand, { readonly type: 'FailAttempt' }>;

function withoutHandler(
  attempt: Attempt,
  name: string,
  message: string,
  category: Classification['category'],
): Failed {
  const error = Object.assign(new Error(message), { name, stack: undefined });
  const record = toErrorRecord(error, { category, retryable: false });
  return failed(attempt, 0, record, { delayMs: 0, policy: 'none' });
}

function failed(
  attempt: Attempt,
  durationMs: number,
  error: ErrorRecord,
  delay: RetryDelay,
): Failed {
  return {
    type: 'FailAttempt',
    attempt: attempt.row.attempt,
    worker: attempt.claim.worker,
    startedAt: attempt.startedAt(),
    durationMs,
    error,
    delay,
  };
}

/** The job's own policy, else its kind's function, else the worker's, else the built-in one. */
function retryFor(attempt: Attempt, settings: WorkerSettings, job: RunnableJob): ResolvedRetry {
  if (attempt.enqueued.retry !== undefined) return resolveRetry(attempt.enqueued.retry);
  return typeof job.options.retry === 'function' ? resolveRetry(job.options.retry) : settings.retry;
}

function factsOf(attempt: Attempt, durationMs: number): AttemptFacts {
  const { row } = attempt;
  return {
    kind: row.kind,
    queue: attempt.claim.queue,
    attempt: row.attempt,
    maxAttempts: row.max_attempts,
    durationMs,
    payload: attempt.payload,
    metadata: attempt.metadata,
  };
}

interface Classified {
  readonly classification: Classification;
  readonly fingerprint?: string;
  readonly note?: string;
}

function classified(error: unknown, facts: AttemptFacts, job: RunnableJob): Classified {
  const fallback = classify(error, Date.now());
  const classifier = job.handlerOptions.classify ?? job.options.classify;
  if (classifier === undefined) return { classification: fallback };
  try {
    const verdict = classifier(error, facts);
    if (verdict === undefined) return { classification: fallback };
    if (!isVerdict(verdict)) {
      muteRejection(verdict);
      return {
        classification: fallback,
        note: 'the classifier answered nonsense; the default was used',
      };
    }
    return { classification: merged(fallback, verdict), fingerprint: verdict.fingerprint };
  } catch {
    return { classification: fallback, note: 'the classifier threw; the default was used' };
  }
}

/** What a verdict leaves out follows from what it says, before it follows from the error. */
function merged(fallback: Classification, verdict: Verdict): Classification {
  const { category = fallback.category, retryable, retryAfterMs: asked } = verdict;
  const retryAfterMs =
    asked === undefined ? fallback.retryAfterMs : Math.round(Math.min(asked, MAX_RETRY_AFTER_MS));
  const wish = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (retryable !== undefined) return { category, retryable, explicit: true, ...wish };
  if (fallback.explicit === true) return { ...fallback, category, ...wish };
  const said = verdict.category === undefined ? fallback.retryable : !isDefaultExcept(category);
  return { category, retryable: said || retryAfterMs !== undefined, ...wish };
}

function isVerdict(value: unknown): value is Verdict {
  if (typeof value !== 'object' || value === null) return false;
  const { category, retryable, retryAfterMs, fingerprint } = value as Record<string, unknown>;
  const known =
    category === undefined || (ERROR_CATEGORIES as readonly unknown[]).includes(category);
  return (
    known &&
    !('then' in value) &&
    (retryable === undefined || typeof retryable === 'boolean') &&
    (retryAfterMs === undefined || (typeof retryAfterMs === 'number' && retryAfterMs >= 0)) &&
    (fingerprint === undefined || nameProblem('fingerprint', fingerprint) === undefined)
  );
}
