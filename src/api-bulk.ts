import type { JobFilter } from './api-filter.js';
import type { ListedJob, ListOptions } from './api-views.js';
import type { StateName } from './job/state.js';

/** What a page shall show. */
export interface PageOptions extends ListOptions {
  /** `next` of the page before; the first page unless given. It goes with the same filter only. */
  readonly cursor?: string;
}

/** A page of jobs, newest first. */
export interface JobPage {
  /** Fewer than `limit` also where jobs have left the filter since the read model saw them. */
  readonly jobs: readonly ListedJob[];
  /** Cursor of the next page; null if this is the last one. */
  readonly next: string | null;
  /** Events that the read model has not seen yet; null if it is none of jobledger's. */
  readonly lagEvents: number | null;
  /** The instant of a list with `asOf`. Its order is by when jobs came into their state, latest first. */
  readonly asOf?: string;
}

/** What can be done to many jobs at once. */
export type BulkAction = 'retry' | 'discard' | 'cancel';

/** What to do to which jobs. See `Ledger.bulk`. */
export interface BulkOptions {
  readonly action: BulkAction;
  /** Which jobs; `{}` for all in whose state the action is legal. No other state may be named. */
  readonly filter: JobFilter;
  /** Who asks; recorded with each job. 1 to 255 bytes of text. */
  readonly actor: string;
  /** Why; recorded with each job. 1 to 255 bytes of text. */
  readonly reason: string;
  /** Attempts that `retry` grants, 1 to 32,767; 1 unless said. */
  readonly extraAttempts?: number;
  /** Jobs at a time, 1 to 1,000; 500 unless said. */
  readonly batch?: number;
  /** `next` of a call that was ended early: goes on behind what that one has looked at. */
  readonly cursor?: string;
  /** Ends the call after the batch in hand. `close` does so too. */
  readonly signal?: AbortSignal;
  /** Told after each batch. */
  readonly onProgress?: (soFar: BulkResult) => void;
}

/** What came of `Ledger.bulk`. */
export interface BulkResult {
  /** Jobs to which it was done, each with an event of its own. */
  readonly done: number;
  /** Jobs that fit the filter and refused. */
  readonly refused: number;
  /** The first 100 of them, with why. */
  readonly refusals: readonly { readonly id: string; readonly reason: string }[];
  /** Where to go on, if it was ended early; null if every job was looked at. */
  readonly next: string | null;
}

/** What `Ledger.bulk` would do. */
export interface BulkPreview {
  /** Jobs that fit. */
  readonly matched: number;
  /** The same by queue, kind, state and the category of the error of those that failed, most first. */
  readonly groups: readonly {
    readonly queue: string;
    readonly kind: string;
    readonly state: StateName;
    readonly category: string | null;
    readonly jobs: number;
  }[];
  /** Up to five of them. */
  readonly samples: readonly ListedJob[];
}
