import { inspect } from 'node:util';
import { cleanText } from './clean-text.js';
import type { Classification, ErrorRecord } from './error-record.js';
import { fingerprintOf } from './fingerprint.js';
import type { Json, JsonObject } from './json.js';
import { MAX_MESSAGE_BYTES, MAX_STACK_BYTES } from './limits.js';
import { readProperty } from './read-property.js';

const MAX_DETAIL_BYTES = 1_024;
const MAX_WORD_BYTES = 255;

/**
 * Any thrown value as an event can keep it: text, clean and within bounds, with the classifier's
 * verdict. Never throws, whatever was thrown. `fingerprint` overrides the computed one.
 */
export function toErrorRecord(
  error: unknown,
  { category, retryable, retryAfterMs }: Classification,
  extra: { readonly fingerprint?: string; readonly note?: string } = {},
): ErrorRecord {
  const text = textOf(error);
  const details = detailsOf(error);
  return {
    ...text,
    category,
    retryable,
    fingerprint: extra.fingerprint ?? fingerprintOf(text),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(extra.note !== undefined && { note: cleanText(extra.note, MAX_DETAIL_BYTES) }),
    ...(details !== undefined && { details }),
  };
}

type ErrorText = Pick<ErrorRecord, 'name' | 'message' | 'stack'>;

function textOf(error: unknown): ErrorText {
  if (!looksLikeError(error)) {
    return { name: 'NonError', message: cleanText(printed(error), MAX_MESSAGE_BYTES) };
  }
  const stack = readProperty(error, 'stack');
  return {
    name: cleanText(nameOf(error), MAX_WORD_BYTES),
    message: cleanText(messageOf(error), MAX_MESSAGE_BYTES),
    ...(typeof stack === 'string' && { stack: cleanText(stack, MAX_STACK_BYTES) }),
  };
}

/** By shape, not by `instanceof`: errors come from other realms and other copies of a class. */
function looksLikeError(error: unknown): boolean {
  return typeof readProperty(error, 'message') === 'string';
}

function nameOf(error: unknown): string {
  const name = readProperty(error, 'name');
  if (typeof name === 'string' && name.trim() !== '') return name;
  const ofClass = readProperty(readProperty(error, 'constructor'), 'name');
  return typeof ofClass === 'string' && ofClass !== '' ? ofClass : 'Error';
}

/** An AggregateError has often no text but its parts have. */
function messageOf(error: unknown): string {
  const own = readProperty(error, 'message');
  if (typeof own === 'string' && own !== '') return own;
  const first = readProperty(readProperty(readProperty(error, 'errors'), 0), 'message');
  return typeof first === 'string' ? first : '';
}

function printed(value: unknown): string {
  if (typeof value === 'string') return value;
  if (typeof value === 'object' && value !== null) return printedObject(value);
  if (typeof value === 'function') return 'a function was thrown';
  return typeof value === 'undefined' ? 'undefined was thrown' : inspect(value);
}

function printedObject(value: object): string {
  try {
    return JSON.stringify(value) ?? 'an object was thrown';
  } catch {
    return 'an object that cannot be printed was thrown';
  }
}

/** What helps to find the culprit and is not in the text: codes, and what lies beneath. */
function detailsOf(error: unknown): JsonObject | undefined {
  const entries: (readonly [string, Json])[] = [];
  for (const key of ['code', 'status', 'statusCode', 'errno', 'syscall'] as const) {
    const value = readProperty(error, key);
    if (typeof value === 'number' && Number.isFinite(value)) entries.push([key, value]);
    if (typeof value === 'string') entries.push([key, cleanText(value, MAX_WORD_BYTES)]);
  }
  const cause = readProperty(error, 'cause');
  if (cause !== undefined && cause !== null) entries.push(['cause', causeText(cause)]);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

function causeText(cause: unknown): string {
  const text = looksLikeError(cause) ? `${nameOf(cause)}: ${messageOf(cause)}` : printed(cause);
  return cleanText(text, MAX_DETAIL_BYTES);
}
