import type { EventOf, EventType, RecordedEvent } from './job/events.js';

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

/** What a read model is, as its author writes it. */
export interface ProjectionSpec<C extends Columns, K extends keyof C & string> {
  /** Lower-case words apart by hyphens; the view has it with underscores. */
  readonly name: string;
  /** A whole number from 1. Raise it with every change: the new version is built beside the old. */
  readonly version: number;
  readonly columns: C;
  /** The columns that name a row. */
  readonly key: readonly K[];
  /** Which rows an event concerns: one, several, or none. */
  readonly rows: (
    event: RecordedEvent,
  ) => Pick<RowOf<C>, K> | readonly Pick<RowOf<C>, K>[] | undefined;
  /**
   * What an event makes of a row: the row after it, or undefined if there is none any more. Pure: no
   * clock, no chance, nothing from outside. Event types that are not named change nothing.
   */
  readonly on: {
    readonly [T in EventType]?: (
      row: RowOf<C> | undefined,
      event: EventOf<T>,
      key: Pick<RowOf<C>, K>,
    ) => RowOf<C> | undefined;
  };
  /** Columns that the view shows otherwise than the table holds them: SQL by column. */
  readonly view?: { readonly [N in keyof C]?: string };
}

/** A read model, as the engine runs it. */
export interface Projection {
  readonly name: string;
  readonly version: number;
  readonly columns: Columns;
  readonly key: readonly string[];
  readonly view: Readonly<Record<string, string>>;
  /** Whether events of this type concern it. */
  hears(type: string): boolean;
  /** The keys of the rows that an event concerns. */
  rowsOf(event: RecordedEvent): readonly Row[];
  /** A row after one more event. */
  fold(row: Row | undefined, event: RecordedEvent, key: Row): Row | undefined;
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
