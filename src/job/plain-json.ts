/** Deeper nesting is refused: every reader of it, Postgres included, would recurse as deep. */
export const MAX_JSON_DEPTH = 1_000;
/** More values than this cannot fit an event, and shared parts may unfold without an end. */
export const MAX_JSON_VALUES = 1_000_000;

/** What a look at a value counts. */
export interface Tally {
  values: number;
  /** What Postgres prints beyond JSON.stringify. */
  extraBytes: number;
}

/**
 * True for a value that JSON carries as it is. Runs for every payload, so it only looks: what is
 * wrong with the rest, `jsonProblem` finds. Texts are passed over, since what jsonb refuses in them
 * shows in the printed JSON; an object with a `toJSON` is not plain.
 */
export function looksPlain(value: unknown, depth: number, tally: Tally): boolean {
  tally.values += 1;
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return true;
  if (typeof value === 'number') return looksFinite(value, tally);
  if (typeof value !== 'object') return false;
  if (depth > MAX_JSON_DEPTH || tally.values > MAX_JSON_VALUES) return false;
  return Array.isArray(value)
    ? looksPlainList(value, depth, tally)
    : looksPlainObject(value, depth, tally);
}

function looksPlainList(list: readonly unknown[], depth: number, tally: Tally): boolean {
  if ('toJSON' in list) return false;
  for (let index = 0; index < list.length; index += 1) {
    if (!looksPlain(list[index], depth + 1, tally)) return false;
  }
  if (list.length > 1) tally.extraBytes += list.length - 1;
  return true;
}

function looksPlainObject(value: object, depth: number, tally: Tally): boolean {
  if (!isPlainObject(value) || 'toJSON' in value) return false;
  let members = 0;
  // `for in` is twice as fast as `Object.values`, and a plain object inherits nothing enumerable.
  for (const name in value) {
    members += 1;
    if (!looksPlain((value as Readonly<Record<string, unknown>>)[name], depth + 1, tally))
      return false;
  }
  if (members > 0) tally.extraBytes += 2 * members - 1;
  return true;
}

/** JavaScript prints an exponent from 1e21 up and below 1e-6; Postgres always prints the digits. */
function looksFinite(value: number, tally: Tally): boolean {
  const size = Math.abs(value);
  if (size >= 1e-6 && size < 1e21) return true;
  if (!Number.isFinite(value)) return false;
  if (value !== 0) tally.extraBytes += expandedLength(String(value)) - String(value).length;
  return true;
}

function expandedLength(printed: string): number {
  const [mantissa = '', exponent = '0'] = printed.split('e');
  const sign = mantissa.startsWith('-') ? 1 : 0;
  const digits = mantissa.replace(/[-.]/g, '').length;
  const shift = Number(exponent);
  return shift < 0 ? sign + 1 - shift + digits : sign + 1 + shift;
}

/** True for `{}`, also from another realm: anything else has a class that JSON would lose. */
export function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return (
    prototype === Object.prototype ||
    prototype === null ||
    Object.getPrototypeOf(prototype) === null
  );
}
