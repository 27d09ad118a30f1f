import type { ErrorCategory } from './error-record.js';
import { readProperty } from './read-property.js';

/*
 * A program may hold two copies of this package (its own and a dependency's), so these errors are
 * known by a brand from the global symbol registry: `instanceof` would see strangers.
 */
const NON_RETRYABLE = Symbol.for('jobledger.NonRetryableError');
const RETRY_LATER = Symbol.for('jobledger.RetryLaterError');

/**
 * Thrown by a handler, it fails the job at once: trying again cannot help.
 *
 * @example
 * throw new NonRetryableError('the account is closed', { category: 'validation' });
 */
export class NonRetryableError extends Error {
  override readonly name = 'NonRetryableError';
  readonly category: ErrorCategory | undefined;

  constructor(
    message: string,
    options: { readonly cause?: unknown; readonly category?: ErrorCategory } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.category = options.category;
    Object.defineProperty(this, NON_RETRYABLE, { value: true });
  }
}

/**
 * Thrown by a handler, it has the job tried again after a time of the handler's choice instead of the
 * policy's: `after` in milliseconds, or `at` a time with a zone. The attempt counts. At most 24 days;
 * a time that has passed means now.
 *
 * @example
 * throw new RetryLaterError({ after: 60_000 }, 'the report is not ready');
 */
export class RetryLaterError extends Error {
  override readonly name = 'RetryLaterError';
  readonly after: number | undefined;
  readonly at: Date | string | undefined;

  constructor(
    when: { readonly after: number } | { readonly at: Date | string },
    message = 'to be tried again later',
    options: { readonly cause?: unknown } = {},
  ) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined);
    this.after = 'after' in when ? when.after : undefined;
    this.at = 'at' in when ? when.at : undefined;
    Object.defineProperty(this, RETRY_LATER, { value: true });
  }
}

/** True for a NonRetryableError of any copy of this package. */
export function isNonRetryable(error: unknown): boolean {
  return readProperty(error, NON_RETRYABLE) === true;
}

/** True for a RetryLaterError of any copy of this package. */
export function isRetryLater(error: unknown): boolean {
  return readProperty(error, RETRY_LATER) === true;
}
