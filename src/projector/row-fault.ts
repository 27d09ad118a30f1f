import { isDataError, isUniqueViolation, sqlState } from '../sql-errors.js';

/** A row that cannot even be sent. */
export class RowFault extends Error {}

/** Whether the rows of a stretch are at fault, not the store: then one of its events is. */
export function isRowRefused(error: unknown): boolean {
  // Keys that differ here and not there (1 and 1.0, say) meet in one statement, or in COPY.
  const isTwice = isUniqueViolation(error) || sqlState(error) === '21000';
  return error instanceof RowFault || isDataError(error) || isTwice;
}
