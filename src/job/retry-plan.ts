import type { RetryDelay } from './commands.js';
import { muteRejection } from './mute-rejection.js';
import {
  DEFAULT_RETRY,
  computedDelay,
  delayAfter,
  MAX_RETRY_AFTER_MS,
  policyName,
} from './retry.js';
import type { ResolvedRetry, RetryContext, RetryPolicy } from './retry.js';

/**
 * The delay to take if this attempt is retried, with the name of what chose it: what the failed party
 * asked for, else the retry function, else the policy. Never throws: a retry function that fails, or
 * a policy that this program does not know, gives way to the default and a note.
 */
export function planDelay(
  retry: ResolvedRetry,
  context: RetryContext,
  random: () => number,
): RetryDelay {
  const { retryAfterMs } = context.classification;
  if (retryAfterMs !== undefined && retryAfterMs >= 0) {
    const delayMs = Math.round(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS));
    return { delayMs, policy: 'retry-after' };
  }
  if (retry.compute === undefined) return byPolicy(retry.policy, context, random);
  const { delayMs, note } = compute(retry.compute, context);
  if (delayMs !== undefined) return { delayMs, policy: 'function' };
  return { ...byPolicy(retry.policy, context, random), note };
}

/** The delay by a plain policy; the default one, with a note, if the policy cannot be understood. */
export function byPolicy(
  policy: RetryPolicy,
  { attempt, previousDelayMs }: { readonly attempt: number; readonly previousDelayMs?: number },
  random: () => number,
): RetryDelay {
  const options = { random, previousDelayMs };
  try {
    return { delayMs: delayAfter(policy, attempt, options), policy: policyName(policy) };
  } catch {
    return {
      delayMs: delayAfter(DEFAULT_RETRY, attempt, options),
      policy: policyName(DEFAULT_RETRY),
      note: 'the retry policy is unknown to this program; the default was used',
    };
  }
}

function compute(
  retryFunction: NonNullable<ResolvedRetry['compute']>,
  context: RetryContext,
): { readonly delayMs?: number; readonly note?: string } {
  try {
    const answer: unknown = retryFunction(context);
    muteRejection(answer);
    const delayMs = computedDelay(answer);
    const note = 'the retry function answered no delay; the default was used';
    return delayMs === undefined ? { note } : { delayMs };
  } catch {
    return { note: 'the retry function threw; the default was used' };
  }
}
