import { categoryOfCode } from './error-codes.js';
import { ERROR_CATEGORIES } from './error-record.js';
import type { Classification, ErrorCategory } from './error-record.js';
import { isNonRetryable, isRetryLater } from './handler-errors.js';
import { readProperty } from './read-property.js';
import { retryAfterOf } from './retry-after.js';
import { isDefaultExcept } from './retry.js';

/**
 * What sort of trouble a thrown value is, and whether trying again can help. Validation, permission
 * and not-found cannot be helped; all else may be, programming errors too (a fix may be deployed
 * meanwhile). Takes anything and never throws. `nowMs` turns dates into delays.
 */
export function classify(error: unknown, nowMs: number): Classification {
  try {
    return judge(causesOf(error), nowMs);
  } catch {
    return { category: 'unknown', retryable: true };
  }
}

function judge(chain: readonly unknown[], nowMs: number): Classification {
  const category = categoryOf(chain);
  if (chain.some(isNonRetryable)) {
    return { category: named(chain) ?? category ?? 'unknown', retryable: false, explicit: true };
  }
  const retryAfterMs = firstOf(chain, (link) => retryAfterOf(link, nowMs));
  const wish = retryAfterMs === undefined ? {} : { retryAfterMs };
  if (chain.some(isRetryLater)) {
    return { category: category ?? 'unknown', retryable: true, explicit: true, ...wish };
  }
  if (retryAfterMs !== undefined) {
    return { category: category ?? 'rate-limited', retryable: true, ...wish };
  }
  return { category: category ?? 'unknown', retryable: !isDefaultExcept(category ?? 'unknown') };
}

const MAX_CAUSES = 8;

/** The error and what caused it, outermost first. Bounded, since a cause may be the error itself. */
function causesOf(error: unknown): readonly unknown[] {
  const chain: unknown[] = [];
  let link = error;
  while (link !== undefined && link !== null && chain.length < MAX_CAUSES) {
    chain.push(link);
    link = readProperty(link, 'cause') ?? firstError(link);
  }
  return chain;
}

/** What an AggregateError is about: happy-eyeballs connects fail as one without a text of its own. */
function firstError(error: unknown): unknown {
  return readProperty(readProperty(error, 'errors'), 0);
}

/**
 * The outermost link that says something sure decides. A TypeError is sure of nothing: fetch throws
 * one around every network error, so it counts only if no cause knows better.
 */
function categoryOf(chain: readonly unknown[]): ErrorCategory | undefined {
  return firstOf(chain, sureCategory) ?? (chain.some(isProgramming) ? 'programming' : undefined);
}

/** The category that a NonRetryableError was given. */
function named(chain: readonly unknown[]): ErrorCategory | undefined {
  const category = readProperty(chain.find(isNonRetryable), 'category');
  return ERROR_CATEGORIES.find((candidate) => candidate === category);
}

function sureCategory(error: unknown): ErrorCategory | undefined {
  const name = readProperty(error, 'name');
  if (name === 'AbortError' || name === 'TimeoutError') return 'timeout';
  if (name === 'ZodError' || name === 'ValidationError' || hasIssues(error)) return 'validation';
  return categoryOfCode(readProperty(error, 'code')) ?? categoryOfStatus(statusOf(error));
}

/** Standard Schema and its like: a list of issues, each with a message. */
function hasIssues(error: unknown): boolean {
  const issues = readProperty(error, 'issues');
  return Array.isArray(issues) && typeof readProperty(issues[0], 'message') === 'string';
}

function statusOf(error: unknown): unknown {
  const response = readProperty(error, 'response');
  return (
    readProperty(error, 'status') ??
    readProperty(error, 'statusCode') ??
    readProperty(response, 'status') ??
    readProperty(response, 'statusCode')
  );
}

function categoryOfStatus(status: unknown): ErrorCategory | undefined {
  if (typeof status !== 'number') return undefined;
  if (status === 400 || status === 422) return 'validation';
  if (status === 401 || status === 403) return 'permission';
  if (status === 404 || status === 410) return 'not-found';
  if (status === 408 || status === 504) return 'timeout';
  if (status === 429) return 'rate-limited';
  return status >= 500 && status <= 599 ? 'dependency' : undefined;
}

const PROGRAMMING = ['TypeError', 'ReferenceError', 'RangeError', 'SyntaxError', 'AssertionError'];

function isProgramming(error: unknown): boolean {
  const name = readProperty(error, 'name');
  return typeof name === 'string' && PROGRAMMING.includes(name);
}

function firstOf<T>(chain: readonly unknown[], look: (link: unknown) => T | undefined) {
  for (const link of chain) {
    const found = look(link);
    if (found !== undefined) return found;
  }
  return undefined;
}
