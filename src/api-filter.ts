import type { ErrorCategory } from './job/error-record.js';
import type { StateName } from './job/state.js';

/** Which jobs are meant: those that fit everything that is said. Names are compared letter by letter. */
export interface JobFilter {
  /** Jobs in this state, or in one of these. */
  readonly state?: StateName | readonly StateName[];
  /** Only jobs of this kind. */
  readonly kind?: string;
  /** Only jobs of this queue. */
  readonly queue?: string;
  readonly tenant?: string;
  readonly principal?: string;
  readonly correlationId?: string;
  /** Category of the latest error, which a job has until it succeeds. */
  readonly errorCategory?: ErrorCategory;
  /** Fingerprint of the latest error. */
  readonly fingerprint?: string;
  /** Text that the latest error's message holds, in large or small letters. */
  readonly errorText?: string;
  /** Values in the payload by their path, apart by dots: `{ 'customer.id': 'c-1', 'items.0': 7 }`. */
  readonly payload?: Readonly<Record<string, string | number | boolean | null>>;
  /** From this time on: a Date, or ISO 8601 text with a zone. */
  readonly enqueuedAfter?: Date | string;
  /** Before this time. */
  readonly enqueuedBefore?: Date | string;
  /** Ended jobs only, from this time on. */
  readonly finishedAfter?: Date | string;
  /** Ended jobs only, before this time. */
  readonly finishedBefore?: Date | string;
}
