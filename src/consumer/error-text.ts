import { cleanText } from '../job/clean-text.js';
import { MAX_MESSAGE_BYTES } from '../job/limits.js';
import { readProperty } from '../job/read-property.js';

/** What was thrown, as a text that Postgres can hold. */
export function errorText(error: unknown): string {
  const stack = readProperty(error, 'stack');
  return cleanText(typeof stack === 'string' ? stack : printed(error), MAX_MESSAGE_BYTES);
}

function printed(error: unknown): string {
  try {
    return String(error);
  } catch {
    return 'something that cannot be printed was thrown';
  }
}
