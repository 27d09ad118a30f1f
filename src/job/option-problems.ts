import { shown } from './limits.js';

/** One line for each option that does not exist: a misspelt one would silently be its default. */
export function unknownOptions(
  options: object,
  known: Readonly<Record<string, true>>,
  owner: string,
): readonly string[] {
  return Object.keys(options)
    .filter((name) => !Object.hasOwn(known, name))
    .map((name) => `${optionName(name)}: no such option of ${owner}`);
}

/** An option's name in an error line. It may be a line of NDJSON's, and so anything. */
export function optionName(name: string): string {
  return /^\w{1,60}$/.test(name) ? name : shown(name);
}

/** One line naming the field if this is given and neither true nor false. */
export function booleanProblem(field: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'boolean') return undefined;
  return `${field}: expected true or false, got ${shown(value)}`;
}

/** One line naming the field if this is given and no function. */
export function functionProblem(field: string, value: unknown): string | undefined {
  if (value === undefined || typeof value === 'function') return undefined;
  return `${field}: expected a function, got ${shown(value)}`;
}

/** One line if this is given and no way in which an attempt may relate to its enqueue. */
export function traceProblem(value: unknown): string | undefined {
  if (value === undefined || value === 'auto' || value === 'child' || value === 'link')
    return undefined;
  return `trace: expected 'auto', 'child' or 'link', got ${shown(value)}`;
}
