import type { ErrorCategory } from './error-record.js';

/** A retry policy that is plain data, so that it can stand in an event. */
export interface RetryPolicy {
  readonly type: 'fixed' | 'linear' | 'exponential';
  /** First delay, in milliseconds. */
  readonly baseMs: number;
  /** No delay is longer than this, in milliseconds. */
  readonly capMs: number;
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
