import { jsonProblem, unreadable } from './json-problem.js';
import { looksPlain } from './plain-json.js';
import type { Tally } from './plain-json.js';

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
