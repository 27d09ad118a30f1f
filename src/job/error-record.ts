import type { JsonObject } from './json.js';

/** What sort of trouble an error is; decides whether trying again can help. */
export type ErrorCategory =
  | 'timeout'
  | 'network'
  | 'rate-limited'
  | 'dependency'
  | 'validation'
  | 'permission'
  | 'not-found'
  | 'programming'
  | 'unknown';

export const ERROR_CATEGORIES = [
  'timeout',
  'network',
  'rate-limited',
  'dependency',
  'validation',
  'permission',
  'not-found',
  'programming',
  'unknown',
] as const satisfies readonly ErrorCategory[];

/** What a classifier makes of an error. */
export interface Classification {
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  /** How long the failed party asked us to wait, in milliseconds; 0 means now. */
  readonly retryAfterMs?: number;
  /** The error itself says whether to try again (NonRetryableError, RetryLaterError): no list overrules. */
  readonly explicit?: boolean;
}

/** An error as an event keeps it: plain text, cleaned and bounded. */
export interface ErrorRecord {
  readonly name: string;
  readonly message: string;
  readonly stack?: string;
  readonly category: ErrorCategory;
  readonly retryable: boolean;
  /** 16 hex digits; equal for errors of one origin, whatever ids and numbers their text holds. */
  readonly fingerprint: string;
  /** How long the failed party asked us to wait, in milliseconds. */
  readonly retryAfterMs?: number;
  /** True if no counted attempt was left after this one. */
  readonly lastAttempt?: boolean;
  /** Set when a classifier failed and the default one stood in. */
  readonly note?: string;
  readonly details?: JsonObject;
}
