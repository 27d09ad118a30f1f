import type { ErrorCategory } from './job/error-record.js';
import type { EventOf, EventType, RecordedEvent } from './job/events.js';
import type { StateName } from './job/state.js';

/** Postgres types that a read model's column may have. */
export type ColumnType =
  'uuid' | 'text' | 'int4' | 'int8' | 'float8' | 'bool' | 'timestamptz' | 'jsonb';

/** A column of a read model; `T` is what a row has there. */
export interface Column<T = unknown> {
  readonly type: ColumnType;
  readonly nullable: boolean;
  /** Only for the compiler. */
  readonly of?: T;
}

/** The columns of a read model, by name. */
export type Columns = Readonly<Record<string, Column>>;

/** A row of these columns. Times are UTC, ISO 8601 text with microseconds. */
export type RowOf<C extends Columns> = {
  readonly [N in keyof C]: C[N] extends Column<infer T> ? T : never;
};

/** A row of any read model. */
export type Row = Readonly<Record<string, unknown>>;

/** One stay of a job in one state: since which event, and until when it waits, if it waits. */
export interface Stay {
  readonly state: StateName;
  readonly since: string;
  /** Version of the event that began it. */
  readonly sinceVersion: number;
  /** Position of the event that began it. */
  readonly sincePosition: number;
  readonly dueAt: string;
}

/**
 * A job as its events say, up to and including the one in hand: what a read model may want to know
 * of a job and the event alone does not tell. `state` is that of the last event: a scheduled or
 * retrying job whose `dueAt` has passed reads as available. Times are UTC, ISO 8601, microseconds.
 */
export interface JobSoFar extends Stay {
  readonly id: string;
  readonly partition: number;
  /** Position of its JobEnqueued. */
  readonly position: number;
  /** Position of the latest event that carries its whole payload. */
  readonly payloadAt: number;
  readonly version: number;
  readonly kind: string;
  readonly queue: string;
  readonly priority: number;
  /** Attempts begun, and those of them that count against the limit. */
  readonly attempt: number;
  readonly counted: number;
  readonly maxAttempts: number;
  readonly tenant: string | null;
  readonly principal: string | null;
  readonly correlationId: string | null;
  readonly causationId: string | null;
  readonly enqueuedAt: string;
  readonly updatedAt: string;
  /** When its latest attempt began. */
  readonly startedAt: string | null;
  readonly finishedAt: string | null;
  /** The worker that runs it. */
  readonly worker: number | null;
  /** Milliseconds from when it was due to when its latest attempt began. */
  readonly waitMs: number | null;
  /** Milliseconds that its latest attempt ran that ended and was not lost. */
  readonly runMs: number | null;
  /** Its latest error, until it succeeds. */
  readonly error: {
    readonly message: string;
    readonly category: ErrorCategory;
    readonly fingerprint: string;
  } | null;
  /** The stay before this one; it ended with the event that began this one. */
  readonly before: Stay | null;
}

/** What an event makes of a row. */
export type RowHandler<R, E, K> = (
  row: R | undefined,
  event: E,
  job: JobSoFar,
  key: K,
) => R | undefined;

/** What a read model is, as its author writes it. */
export interface ProjectionSpec<C extends Columns, K extends keyof C & string> {
  /** Lower-case words apart by hyphens; the view has it with underscores. */
  readonly name: string;
  /** A whole number from 1. Raise it with every change: the new version is built beside the old. */
  readonly version: number;
  readonly columns: C;
  /** The columns that name a row. */
  readonly key: readonly K[];
  /**
   * The key's column that holds a job's id, if each row belongs to one job and only that job's events
   * change it. Such read models are built faster.
   */
  readonly job?: K;
  /**
   * Which rows an event concerns: one, several, or none. If `job` is the whole key it may be left out:
   * then it is the job's row.
   */
  readonly rows?: (
    event: RecordedEvent,
    job: JobSoFar,
  ) => Pick<RowOf<C>, K> | readonly Pick<RowOf<C>, K>[] | undefined;
  /**
   * What an event makes of a row: the row after it, or undefined if there is none any more. `job` is
   * the job after this event. Pure: no clock, no chance, nothing from outside. Event types that are
   * not named change nothing; one function instead hears them all.
   */
  readonly on:
    | { readonly [T in EventType]?: RowHandler<RowOf<C>, EventOf<T>, Pick<RowOf<C>, K>> }
    | RowHandler<RowOf<C>, RecordedEvent, Pick<RowOf<C>, K>>;
  /** Indexes beside the key, each by its columns; made when the rows are there. */
  readonly indexes?: readonly (readonly (keyof C & string)[])[];
  /** Columns that the view shows otherwise than the table holds them: SQL by column. */
  readonly view?: { readonly [N in keyof C]?: string };
}

/** A read model, as the engine runs it. */
export interface Projection {
  readonly name: string;
  readonly version: number;
  readonly columns: Columns;
  readonly key: readonly string[];
  readonly job: string | undefined;
  readonly indexes: readonly (readonly string[])[];
  readonly view: Readonly<Record<string, string>>;
  /** Whether events of this type concern it. */
  hears(type: string): boolean;
  /** The keys of the rows that an event concerns. */
  rowsOf(event: RecordedEvent, job: JobSoFar): readonly Row[];
  /** A row after one more event. */
  fold(row: Row | undefined, event: RecordedEvent, job: JobSoFar, key: Row): Row | undefined;
}

/** Options of `Ledger.projector`. */
export interface ProjectorOptions {
  /** The read models to keep up to date. */
  readonly projections: readonly Projection[];
}

/** Keeps read models up to date in this process. See `Ledger.projector`. */
export interface LedgerProjector extends AsyncDisposable {
  /** Begins to fold what is there, then what comes. Harmless if called twice. */
  start(): Promise<void>;
  /** Ends after the batch in hand; another projector may go on at once. Harmless if called twice. */
  stop(): Promise<void>;
  /** Folds all that the ledger holds by now, without `start`; gives how many events were read. */
  catchUp(): Promise<number>;
}
