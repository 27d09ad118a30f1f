import type { AsOf } from './api-as-of.js';
import type { StateCounts } from './api-views.js';
import type { EventType } from './job/events.js';
import type { StateName } from './job/state.js';

/** Counts as they were. See `Ledger.stats`. */
export interface PastStats {
  /** The instant, UTC, ISO 8601, microseconds. */
  readonly at: string;
  /** All jobs of the log by state. */
  readonly states: StateCounts;
  /** All jobs enqueued until then; the states add up to it. */
  readonly enqueued: number;
  /** The same by queue and kind; kinds that this ledger knows are there with 0. */
  readonly byQueue: readonly (StateCounts & { readonly queue: string; readonly kind: string })[];
  /** Events recorded until then. */
  readonly events: number;
}

/** What to compare. See `Ledger.diff`. */
export interface DiffOptions {
  readonly from: AsOf;
  /** Now unless given. */
  readonly to?: AsOf;
  /** Only jobs of this queue. */
  readonly queue?: string;
  /** Only jobs of this kind. */
  readonly kind?: string;
}

/** What changed between two instants. */
export interface LedgerDiff {
  /** The instants, UTC, ISO 8601, microseconds. */
  readonly from: string;
  readonly to: string;
  /** Jobs by state at the first instant and at the second. */
  readonly before: StateCounts;
  readonly after: StateCounts;
  /** Events recorded between, by type; types of which there are none are left out. */
  readonly events: { readonly [T in EventType]?: number };
  /** Jobs that were in another state at the second instant, most first; `from` is null if enqueued between. */
  readonly moves: readonly {
    readonly from: StateName | null;
    readonly to: StateName;
    readonly jobs: number;
    /** One of them. */
    readonly sample: string;
  }[];
  /** Jobs failed at the second instant that were not so, by their error, most first; at most 20 sorts. */
  readonly failures: readonly {
    readonly fingerprint: string | null;
    readonly category: string | null;
    readonly jobs: number;
    /** The one that failed last, and its error's text. */
    readonly sample: string;
    readonly message: string | null;
  }[];
}
