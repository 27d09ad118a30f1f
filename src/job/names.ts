import { shown } from './limits.js';

export const MAX_NAME_BYTES = 255;
export const MAX_KEY_BYTES = 1024;

/** One line naming the field if this cannot name a kind, queue, tenant or actor. */
export function nameProblem(field: string, value: unknown): string | undefined {
  return textProblem(field, value, MAX_NAME_BYTES);
}

/** One line naming the field if this cannot be a unique key. */
export function keyProblem(field: string, value: unknown): string | undefined {
  return textProblem(field, value, MAX_KEY_BYTES);
}

/** Quotes, SQL and emoji are fine; what a terminal obeys or jsonb refuses is not. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}]/u;

function textProblem(field: string, value: unknown, maxBytes: number): string | undefined {
  const expected = `${field}: expected printable text of 1 to ${maxBytes} bytes`;
  if (typeof value !== 'string') return `${expected}, got ${shown(value)}`;
  if (value.trim() === '') return `${expected}, got blank text`;
  if (UNPRINTABLE.test(value)) return `${expected}, got control characters`;
  const bytes = Buffer.byteLength(value);
  return bytes > maxBytes ? `${expected}, got ${bytes} bytes` : undefined;
}
