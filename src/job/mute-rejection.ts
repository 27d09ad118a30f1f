import { readProperty } from './read-property.js';

/** An async function where a plain one belongs must not end the process with its rejection. */
export function muteRejection(answer: unknown): void {
  if (typeof readProperty(answer, 'then') !== 'function') return;
  void Promise.resolve(answer).catch(() => undefined);
}
