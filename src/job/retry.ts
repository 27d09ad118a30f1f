import type { Classification, ErrorCategory } from './error-record.js';
import type { Json, JsonObject } from './json.js';
import { MAX_DELAY_MS } from './limits.js';
import { unreachable } from './unreachable.js';

/** A retry policy that is plain data, so that it can stand in an event. */
export interface RetryPolicy {
  readonly type: 'fixed' | 'linear' | 'exponential';
  /** First delay, in milliseconds. */
  readonly baseMs: number;
  /** No delay is longer than this, in milliseconds. */
  readonly capMs: number;
  /** `decorrelated` grows from the previous delay, whatever the type. */
  readonly jitter: 'none' | 'full' | 'equal' | 'decorrelated';
  /** Retry only errors of these categories. */
  readonly only?: readonly ErrorCategory[];
  /** Never retry errors of these categories; replaces the default list. */
  readonly except?: readonly ErrorCategory[];
}

/** The policy where nobody chose one: 1 s doubling up to 1 h, with full jitter. */
export const DEFAULT_RETRY: RetryPolicy = {
  type: 'exponential',
  baseMs: 1_000,
  capMs: 3_600_000,
  jitter: 'full',
};

/** Errors that say clearly that trying again cannot help; `except` replaces this list. */
export const DEFAULT_EXCEPT = [
  'validation',
  'permission',
  'not-found',
] as const satisfies readonly ErrorCategory[];

/** 24 days: the longest wait that a failed party or a retry function may ask for. */
export const MAX_RETRY_AFTER_MS = 24 * 24 * 3_600_000;

/** What users give: a policy of which anything may be left out, or a function. */
export type RetryOption = Partial<RetryPolicy> | RetryFunction;

/** Works out the delay after an attempt, in milliseconds. The default stands in for nonsense. */
export type RetryFunction = (context: RetryContext) => number | { readonly delayMs: number };

/** What a retry function is told. */
export interface RetryContext {
  readonly error: unknown;
  readonly classification: Classification;
  readonly kind: string;
  readonly queue: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly durationMs: number;
  readonly payload: Json;
  readonly metadata: Readonly<JsonObject>;
  readonly previousDelayMs?: number;
}

/** An option made whole. `policy` also stands in where `compute` fails or answers nonsense. */
export interface ResolvedRetry {
  readonly policy: RetryPolicy;
  readonly compute?: RetryFunction;
}

/** Fills in what an option leaves out. Check it first: see `retryProblems`. */
export function resolveRetry(option: RetryOption | undefined): ResolvedRetry {
  if (typeof option === 'function') return { policy: DEFAULT_RETRY, compute: option };
  const given = Object.entries(option ?? {}).filter(([, value]) => value !== undefined);
  const policy: RetryPolicy = { ...DEFAULT_RETRY, ...Object.fromEntries(given) };
  // A first delay above the default cap means that delay, not a policy that is refused.
  const capMs = option?.capMs ?? Math.max(DEFAULT_RETRY.capMs, policy.baseMs);
  return { policy: { ...policy, capMs } };
}

/**
 * The delay after attempt `attempt` (1, 2, 3 …), a whole number of milliseconds from 0 to the cap.
 * Jitter as in "Exponential Backoff And Jitter" (AWS Architecture Blog, 2015): full is anything up to
 * the delay, equal is half of it and anything up to the other half, decorrelated is anything from the
 * base to three times the previous delay.
 */
export function delayAfter(
  policy: RetryPolicy,
  attempt: number,
  { random, previousDelayMs }: { readonly random: () => number; readonly previousDelayMs?: number },
): number {
  const capMs = bounded(policy.capMs, MAX_DELAY_MS);
  const baseMs = bounded(policy.baseMs, capMs);
  const plainMs = plainDelay(policy.type, baseMs, attempt, capMs);
  switch (policy.jitter) {
    case 'none':
      return Math.round(plainMs);
    case 'full':
      return between(0, plainMs, random());
    case 'equal':
      return between(plainMs / 2, plainMs, random());
    case 'decorrelated': {
      const fromMs = bounded(Math.max(previousDelayMs ?? baseMs, baseMs), capMs);
      return Math.min(Math.round(capMs), between(baseMs, fromMs * 3, random()));
    }
    default:
      return unreachable(policy.jitter, 'jitter');
  }
}

/** A retry function's answer as whole milliseconds, at most 24 days; undefined if it is nonsense. */
export function computedDelay(answer: unknown): number | undefined {
  const delayMs: unknown =
    typeof answer === 'object' && answer !== null ? Reflect.get(answer, 'delayMs') : answer;
  if (typeof delayMs !== 'number' || Number.isNaN(delayMs) || delayMs < 0) return undefined;
  return Math.round(Math.min(delayMs, MAX_RETRY_AFTER_MS));
}

/**
 * Whether an error may be retried at all. What the error itself said goes first, a retry-after is
 * never filtered, then the policy's lists, then the classifier's verdict.
 */
export function shouldRetry(error: Classification, policy: RetryPolicy): boolean {
  if (error.explicit === true || error.retryAfterMs !== undefined) return error.retryable;
  const { only, except } = policy;
  if (only !== undefined && !only.includes(error.category)) return false;
  if (except?.includes(error.category)) return false;
  const named = only !== undefined || except !== undefined;
  return error.retryable || (named && isDefaultExcept(error.category));
}

/** True for the categories that are not retried unless a policy says so. */
export function isDefaultExcept(category: ErrorCategory): boolean {
  return (DEFAULT_EXCEPT as readonly ErrorCategory[]).includes(category);
}

/** The policy in few words, as an event's decision names it: `exponential 1s..1h full`. */
export function policyName(policy: RetryPolicy): string {
  return `${policy.type} ${brief(policy.baseMs)}..${brief(policy.capMs)} ${policy.jitter}`;
}

function plainDelay(
  type: RetryPolicy['type'],
  baseMs: number,
  attempt: number,
  capMs: number,
): number {
  const n = bounded(attempt, Number.MAX_SAFE_INTEGER) || 1;
  switch (type) {
    case 'fixed':
      return Math.min(baseMs, capMs);
    case 'linear':
      return Math.min(baseMs * n, capMs);
    case 'exponential':
      // 2 ** 1024 is Infinity, and 0 times that NaN.
      return Math.min(baseMs * 2 ** Math.min(n - 1, 1023), capMs);
    default:
      return unreachable(type, 'retry type');
  }
}

function between(lowMs: number, highMs: number, share: number): number {
  return Math.round(lowMs + share * (highMs - lowMs));
}

/** 0 to `max`; what is no number counts as `max`, which is always safe for the failed party. */
function bounded(value: number, max: number): number {
  return Number.isNaN(value) ? max : Math.min(Math.max(value, 0), max);
}

const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1_000],
] as const;

function brief(durationMs: number): string {
  const unit = UNITS.find(([, ms]) => durationMs >= ms && durationMs % ms === 0);
  return unit === undefined ? `${durationMs}ms` : `${durationMs / unit[1]}${unit[0]}`;
}
