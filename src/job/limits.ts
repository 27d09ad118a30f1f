/** Largest event as Postgres stores it, so that it fits Kafka's default record. */
export const MAX_EVENT_BYTES = 768 * 1024;
/** Largest result of a handler; a larger one is left out of the event. */
export const MAX_RESULT_BYTES = 64 * 1024;
export const MAX_STACK_BYTES = 16 * 1024;
export const MAX_MESSAGE_BYTES = 8 * 1024;
/** 24 days: the longest timeout, just under what a timer of the platform can hold. */
export const MAX_TIMEOUT_MS = 24 * 24 * 3_600_000;
/** 100 years: the longest delay. */
export const MAX_DELAY_MS = 100 * 365 * 24 * 3_600_000;
export const MIN_PRIORITY = -32_768;
export const MAX_PRIORITY = 32_767;
export const MAX_ATTEMPTS = 32_767;

/** One line naming the field if this is no priority. */
export function priorityProblem(field: string, value: unknown): string | undefined {
  return integerProblem(field, value, MIN_PRIORITY, MAX_PRIORITY);
}

/** One line naming the field if this is no number of attempts; 1 means no retry, 0 is refused. */
export function maxAttemptsProblem(field: string, value: unknown): string | undefined {
  return integerProblem(field, value, 1, MAX_ATTEMPTS);
}

/** One line naming the field if this is no timeout; null means no limit, 0 is refused. */
export function timeoutProblem(field: string, value: unknown): string | undefined {
  if (value === null) return undefined;
  const problem = integerProblem(field, value, 1, MAX_TIMEOUT_MS);
  return problem?.replace('expected', 'expected null (no limit) or milliseconds:');
}

/** One line naming the field if this is no delay in milliseconds. */
export function delayProblem(field: string, value: unknown): string | undefined {
  if (typeof value === 'number' && value >= 0 && value <= MAX_DELAY_MS) return undefined;
  return `${field}: expected milliseconds from 0 to ${MAX_DELAY_MS}, got ${shown(value)}`;
}

/** One line naming the field if this is no integer within the bounds. */
export function integerProblem(
  field: string,
  value: unknown,
  min: number,
  max: number,
): string | undefined {
  if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) return;
  return `${field}: expected an integer from ${min} to ${max}, got ${shown(value)}`;
}

/** A value in an error line: short, on one line, whatever it is. */
export function shown(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value.slice(0, 60));
  if (typeof value === 'bigint') return `${value}n`;
  if (value === null || typeof value !== 'object') return String(value).slice(0, 60);
  return Array.isArray(value) ? 'a list' : 'an object';
}
