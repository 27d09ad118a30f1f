import { LedgerError } from '../errors.js';
import type { Json, JsonObject } from '../index.js';
import { oneLine, shorten } from './text.js';

/** A reader of an option's text as commander takes it: throws one line that names the field. */
export type Parser<T> = (text: string) => T;

/** Whole numbers; their range is the library's to judge. */
export function integer(field: string): Parser<number> {
  return (text) => {
    if (/^[+-]?\d{1,15}$/.test(text)) return Number(text);
    throw bad(field, 'an integer', text);
  };
}

const UNITS = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** Milliseconds, or a number with a unit: 500ms, 30s, 5m, 2h, 1d. */
export function durationMs(field: string): Parser<number> {
  return (text) => {
    const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text.trim());
    const ms = Number(match?.[1]) * UNITS[(match?.[2] ?? 'ms') as keyof typeof UNITS];
    if (Number.isFinite(ms)) return ms;
    throw bad(
      field,
      'a duration from 0, like 500ms, 30s, 5m, 2h, 1d (no unit: milliseconds)',
      text,
    );
  };
}

/** One of the words. */
export function oneOf<W extends string>(field: string, words: readonly W[]): Parser<W> {
  return (text) => {
    const word = words.find((one) => one === text);
    if (word !== undefined) return word;
    throw bad(field, words.join(' or '), text);
  };
}

/** Names apart by commas. */
export function names(field: string): Parser<readonly string[]> {
  return (text) => {
    const found = text.split(',').map((name) => name.trim());
    if (!found.includes('')) return found;
    throw bad(field, 'names apart by commas', text);
  };
}

/** JSON text as a value. */
export function json(field: string): Parser<Json> {
  return (text) => {
    try {
      return JSON.parse(text) as Json;
    } catch (error) {
      if (text.trim() === '') throw bad(field, 'JSON', text);
      throw badInput(`${field}: expected JSON: ${oneLine((error as Error).message)}`);
    }
  };
}

/** JSON text of an object. Commander would make blank text of a null that a parser answers. */
export function jsonObject(field: string): Parser<JsonObject> {
  return (text) => {
    const value = json(field)(text);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as JsonObject;
    }
    throw bad(field, 'a JSON object', text);
  };
}

/** An error of the user's, in one line. */
export function badInput(message: string): LedgerError {
  return new LedgerError('BAD_INPUT', message);
}

function bad(field: string, expected: string, got: string): LedgerError {
  const shown = got.trim() === '' ? 'blank text' : JSON.stringify(shorten(got, 60));
  return badInput(`${field}: expected ${expected}, got ${shown}`);
}
