/**
 * A time that has passed: a Date, ISO 8601 text with a zone, or so many milliseconds ago by the
 * database's clock.
 */
export type AsOf = Date | string | { readonly agoMs: number };

/** What can be asked for as it was. */
export interface AsOfOption {
  /** As the log said then; now unless given. */
  readonly asOf?: AsOf;
}
