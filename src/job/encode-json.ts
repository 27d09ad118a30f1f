import {
  isPlainObject,
  jsonProblem,
  MAX_JSON_DEPTH,
  MAX_JSON_VALUES,
  unreadable,
} from './json-problem.js';

/** JSON text with the bytes that Postgres will store for it, or what stands in the way. */
export type EncodedJson =
  { readonly text: string; readonly storedBytes: number } | { readonly problem: string };

/**
 * Prints a value as JSON, or names what in it is none. `storedBytes` is what `jsonb::text` takes:
 * Postgres writes a space after each colon and comma and all digits of `1e308`.
 *
 * Runs for every payload and result, so it looks once, quickly, and only a value that does not look
 * plain is searched for the path of its fault.
 */
export function encodeJson(value: unknown, path: string): EncodedJson {
  const tally: Tally = { values: 0, extraBytes: 0 };
  try {
    if (!looksPlain(value, 1, tally)) return encodePrinted(value, path);
    const text = JSON.stringify(value);
    // Control characters and lone surrogates are the only things that JSON.stringify escapes so.
    if (text.includes('\\u')) {
      const problem = jsonProblem(value, path);
      if (problem !== undefined) return { problem };
    }
    return { text, storedBytes: Buffer.byteLength(text) + tally.extraBytes };
  } catch (error) {
    return { problem: jsonProblem(value, path) ?? unreadable(path, error) };
  }
}

/** With a `toJSON` within, only what came out can be counted. */
function encodePrinted(value: unknown, path: string): EncodedJson {
  const problem = jsonProblem(value, path);
  if (problem !== undefined) return { problem };
  const text = JSON.stringify(value);
  const tally: Tally = { values: 0, extraBytes: 0 };
  looksPlain(JSON.parse(text), 1, tally);
  return { text, storedBytes: Buffer.byteLength(text) + tally.extraBytes };
}

interface Tally {
  values: number;
  /** What Postgres prints beyond JSON.stringify. */
  extraBytes: number;
}

/** Texts are not looked at here: what jsonb refuses in them shows in the printed JSON. */
function looksPlain(value: unknown, depth: number, tally: Tally): boolean {
  tally.values += 1;
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true;
    case 'number':
      return looksFinite(value, tally);
    case 'object':
      if (value === null) return true;
      if (depth > MAX_JSON_DEPTH || tally.values > MAX_JSON_VALUES) return false;
      return Array.isArray(value)
        ? looksPlainList(value, depth, tally)
        : looksPlainObject(value, depth, tally);
    default:
      return false;
  }
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
  const members = Object.values(value);
  for (const member of members) {
    if (!looksPlain(member, depth + 1, tally)) return false;
  }
  if (members.length > 0) tally.extraBytes += 2 * members.length - 1;
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
