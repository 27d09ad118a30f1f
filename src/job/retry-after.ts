import { isRetryLater } from './handler-errors.js';
import { readProperty } from './read-property.js';
import { MAX_RETRY_AFTER_MS } from './retry.js';

/**
 * How long an error asks us to wait, in whole milliseconds: by RetryLaterError, by `retryAfterMs`, by
 * `retryAfter` (seconds, HTTP date or Date), or by a Retry-After header on it or on its response. What
 * has passed is 0, what is longer than 24 days is cut, what cannot be read is no wish at all.
 */
export function retryAfterOf(error: unknown, nowMs: number): number | undefined {
  if (isRetryLater(error)) {
    const after = readProperty(error, 'after');
    return after === undefined ? until(readProperty(error, 'at'), nowMs) : milliseconds(after);
  }
  const response = readProperty(error, 'response');
  return (
    milliseconds(readProperty(error, 'retryAfterMs')) ??
    secondsOrDate(readProperty(error, 'retryAfter'), nowMs) ??
    fromHeaders(readProperty(error, 'headers'), nowMs) ??
    fromHeaders(readProperty(response, 'headers'), nowMs)
  );
}

function fromHeaders(headers: unknown, nowMs: number): number | undefined {
  const ms = header(headers, 'retry-after-ms');
  const asMs = typeof ms === 'string' && ms.trim() !== '' ? Number(ms) : ms;
  return milliseconds(asMs) ?? secondsOrDate(header(headers, 'retry-after'), nowMs);
}

/** Headers come as a `Headers`, or as a plain object in any case, with lists where repeated. */
function header(headers: unknown, name: string): unknown {
  if (typeof headers !== 'object' || headers === null) return undefined;
  try {
    const get = readProperty(headers, 'get');
    if (typeof get === 'function') return Reflect.apply(get, headers, [name]) ?? undefined;
    const key = Object.keys(headers).find((candidate) => candidate.toLowerCase() === name);
    const value = key === undefined ? undefined : readProperty(headers, key);
    return Array.isArray(value) ? value[0] : value;
  } catch {
    return undefined;
  }
}

function secondsOrDate(value: unknown, nowMs: number): number | undefined {
  if (typeof value === 'number') return milliseconds(value * 1_000);
  if (typeof value === 'string' && /^\s*\d+(\.\d+)?\s*$/.test(value)) {
    return milliseconds(Number(value) * 1_000);
  }
  return until(value, nowMs);
}

function until(time: unknown, nowMs: number): number | undefined {
  if (time instanceof Date) return milliseconds(Math.max(time.getTime() - nowMs, 0));
  // `Date.parse` reads "1" and "-5" as years: a date has letters, if only T and Z.
  if (typeof time !== 'string' || !/[a-z]/i.test(time)) return undefined;
  return milliseconds(Math.max(Date.parse(time) - nowMs, 0));
}

function milliseconds(value: unknown): number | undefined {
  if (typeof value !== 'number' || Number.isNaN(value) || value < 0) return undefined;
  return Math.round(Math.min(value, MAX_RETRY_AFTER_MS));
}
