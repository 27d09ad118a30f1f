import type { ClientBase } from 'pg';
import type { EventContext } from '../api-consumer.js';
import type { EventText } from '../kafka/record.js';
import type { Group } from './group.js';
import { readEvent } from './read-event.js';
import type { Watch } from './watch.js';

/**
 * Calls the handler. What it gives is a promise only if the handler's is one: most events of a replay
 * need none. Throws what it throws; `AbandonedError` if it has not ended in its time.
 */
export function callHandler(
  group: Group,
  event: EventText,
  transaction: ClientBase,
  attempt: number,
  watch: Watch,
): Promise<unknown> | undefined {
  const context: EventContext = { transaction, attempt, signal: watch.signal };
  const answer = group.handler(readEvent(event), context);
  return isPromise(answer) ? watch.over(answer, group.timeoutMs) : undefined;
}

function isPromise(answer: unknown): answer is Promise<unknown> {
  return typeof (answer as { then?: unknown } | null | undefined)?.then === 'function';
}
