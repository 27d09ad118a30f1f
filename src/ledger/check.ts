import { LedgerError } from '../errors.js';
import { toInstant } from '../job/instant.js';
import { shown } from '../job/limits.js';
import { nameProblem } from '../job/names.js';
import { isUuid } from './ids.js';

/** The error for input that cannot be right: one line that names the field. */
export function bad(message: string): LedgerError {
  return new LedgerError('BAD_INPUT', message);
}

/** Throws all problems in one line, if there are any. */
export function refuse(problems: readonly (string | undefined)[]): void {
  const found = problems.filter((problem) => problem !== undefined);
  if (found.length > 0) throw bad(found.join('; '));
}

/** The value, if the check finds no problem with it. */
export function checked<T>(
  problemOf: (field: string, value: unknown) => string | undefined,
  field: string,
  value: T,
): T {
  const problem = problemOf(field, value);
  if (problem !== undefined) throw bad(problem);
  return value;
}

/** A name given by a user. */
export function named(field: string, value: unknown): string {
  return checked(nameProblem, field, value) as string;
}

/** A UUID given by a user, in lower case. */
export function uuidOf(field: string, value: unknown): string {
  if (!isUuid(value)) throw bad(`${field}: expected a UUID, got ${shown(value)}`);
  return value.toLowerCase();
}

/** A time given by a user, as UTC text. */
export function instantOf(field: string, value: unknown): string {
  const answer = toInstant(field, value);
  if ('problem' in answer) throw bad(answer.problem);
  return answer.instant;
}
