import { setTimeout as pause } from 'node:timers/promises';

/** How long to wait for brokers that are busy with themselves, in milliseconds. */
const PATIENCE_MS = 15_000;
const MOST_REST_MS = 100;

/** A coordinator that loads, or still writes the marks of the transaction before. */
export const BUSY: ReadonlySet<string> = new Set([
  'CONCURRENT_TRANSACTIONS',
  'GROUP_LOAD_IN_PROGRESS',
  'GROUP_COORDINATOR_NOT_AVAILABLE',
  'NOT_COORDINATOR_FOR_GROUP',
  'KafkaJSGroupCoordinatorNotFound',
]);

/** A topic that was made just now, or whose leader has changed. */
export const MOVED: ReadonlySet<string> = new Set([
  'UNKNOWN_TOPIC_OR_PARTITION',
  'LEADER_NOT_AVAILABLE',
  'NOT_LEADER_FOR_PARTITION',
]);

/**
 * Again, as long as the answer is one of those: that nothing was done, and that it may be done soon.
 * `before` is called before each time but the first.
 */
export async function patiently<T>(
  soon: ReadonlySet<string>,
  ask: () => Promise<T>,
  before: () => Promise<void> = () => Promise.resolve(),
): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (let restMs = 2; ; restMs = Math.min(MOST_REST_MS, restMs * 2)) {
    try {
      return await ask();
    } catch (error) {
      if (!soon.has(typeOf(error)) || performance.now() > until) throw error;
      await pause(restMs);
      await before();
    }
  }
}

/** What was answered; kafkajs hides it behind the error of its own last try, or in an error's name. */
function typeOf(error: unknown): string {
  const { type, name, cause } = error as {
    type?: string;
    name?: string;
    cause?: { type?: string };
  };
  return type ?? cause?.type ?? name ?? '';
}
