import type { Projection } from './api-projector.js';
import type { JsonObject } from './job/json.js';

/** How a build of a read model stands. Its table and those of others stand side by side. */
export interface ProjectionStatus {
  readonly name: string;
  readonly version: number;
  /** The build's number: a version may be built again. */
  readonly build: number;
  /** What readers see is `live`; `building` takes its place; `retired` was served and may be again. */
  readonly state: 'building' | 'live' | 'retired';
  /** The view that readers use, and the table behind it; with their schema, quoted where needed. */
  readonly view: string;
  readonly table: string;
  /** Events folded so far, and events in the log. */
  readonly events: number;
  readonly of: number;
  /** Events not folded yet. */
  readonly lagEvents: number;
  /** How long ago the first of them was recorded, in seconds; 0 if there is none. */
  readonly lagSeconds: number;
  /** Jobs that it leaves out since an event of theirs could not be folded. */
  readonly parked: number;
  readonly paused: boolean;
  /** True if a projector has it now. */
  readonly followed: boolean;
  /** Rolled back from: not served again unless asked for. */
  readonly held: boolean;
  /** What keeps it from going on, in one line, or null. */
  readonly trouble: string | null;
}

/** A rebuild on its way. */
export interface RebuildProgress extends ProjectionStatus {
  /** Events folded in a second, over the last seconds; null in the beginning. */
  readonly eventsPerSecond: number | null;
  /** How long the rest takes at that rate, in seconds; null in the beginning. */
  readonly secondsLeft: number | null;
}

/** A job that a build leaves out from an event on. */
export interface ParkedJob {
  readonly name: string;
  readonly version: number;
  readonly build: number;
  readonly jobId: string;
  readonly partition: number;
  /** Position of the event that could not be folded. */
  readonly position: number;
  readonly eventType: string;
  readonly error: string;
  readonly parkedAt: string;
}

/** What `verify` found of one read model. */
export interface ProjectionVerification {
  readonly name: string;
  readonly version: number;
  readonly verified: boolean;
  /** Events folded, and rows compared. */
  readonly events: number;
  readonly rows: number;
  /** Jobs left out of the comparison, since they are parked. */
  readonly parked: number;
  /** Rows that differ; at most 100 of them are told. */
  readonly differing: number;
  readonly differences: readonly RowDifference[];
}

/** A row that is not as the fold of the log says. */
export interface RowDifference {
  /** The key's columns. */
  readonly key: Readonly<Record<string, unknown>>;
  /** `missing` from the table, `extra` in it, or `differs`. */
  readonly what: 'missing' | 'extra' | 'differs';
  /** Each column that differs: what stands there, and what the log says. */
  readonly columns: Readonly<Record<string, { readonly is: unknown; readonly want: unknown }>>;
}

/** How far a read model must have come: a job (id or short id), or a position. */
export type UpTo = string | { readonly partition: number; readonly position: number };

/** Options of `Ledger.projections`. */
export interface ProjectionsOptions {
  /** The read models as code: what rebuilds, folds or verifies needs them. */
  readonly projections?: readonly Projection[];
}

/** The read models of a ledger, for who looks after them. See `Ledger.projections`. */
export interface LedgerProjections {
  /** Every build of every read model, or of one, as they stand on one snapshot. Throws `PROJECTION_NOT_FOUND`. */
  status(name?: string): Promise<readonly ProjectionStatus[]>;
  /**
   * Builds a read model from the first event on, beside the one that is served, and serves it. Goes on
   * where an earlier rebuild was stopped. Throws `PROJECTION_NOT_FOUND`, `BAD_INPUT`, and `NOT_CAUGHT_UP`
   * if something keeps it from going on. Once `signal` aborts it ends after the stretch in hand.
   */
  rebuild(
    name: string,
    options?: {
      readonly onProgress?: (progress: RebuildProgress) => void;
      readonly signal?: AbortSignal;
    },
  ): Promise<ProjectionStatus>;
  /**
   * Serves the version that was served before, or the one named, in place of the live one. It is caught
   * up first, for which its code is needed; `stale` serves it as it is. Throws `PROJECTION_NOT_FOUND` if
   * there is no such version, `NOT_CAUGHT_UP` if it cannot be caught up; then nothing has changed.
   */
  rollback(
    name: string,
    options?: { readonly to?: number; readonly stale?: boolean },
  ): Promise<ProjectionStatus>;
  /** Stops following, in every process, until `resume`. Readers see the view as it is. */
  pause(name: string): Promise<void>;
  resume(name: string): Promise<void>;
  /**
   * Drops the table of a version that is not served, or without a version the whole read model, its view
   * included. Throws `PROJECTION_NOT_FOUND`, and `ILLEGAL_STATE` if the version is served.
   */
  drop(name: string, version?: number): Promise<void>;
  /** Jobs that are left out, of all read models or of one. */
  parked(name?: string): Promise<readonly ParkedJob[]>;
  /**
   * Folds parked jobs again, from the event on that failed: all of a read model, or one. Gives how many
   * are in it again, and those that failed once more.
   */
  unpark(
    name: string,
    jobId?: string,
  ): Promise<{ readonly unparked: number; readonly parked: readonly ParkedJob[] }>;
  /** Rows that readers see now, in no order; 20 unless told, at most 1,000. Throws `PROJECTION_NOT_FOUND`. */
  rows(name: string, options?: { readonly limit?: number }): Promise<readonly JsonObject[]>;
  /**
   * Folds the log anew and compares each row; of all read models that are served and whose code is
   * here, or of one.
   */
  verify(name?: string): Promise<readonly ProjectionVerification[]>;
}
