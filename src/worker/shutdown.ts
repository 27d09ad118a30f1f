import { setTimeout as pause } from 'node:timers/promises';
import type { Attempt } from './attempt.js';

/** Waits for handlers to end; shortly before the deadline their signals abort with `shutdown`. */
export async function drain(
  attempts: readonly Attempt[],
  deadline: number,
  abortMs: number,
  isBusy: () => boolean,
): Promise<void> {
  let aborted = false;
  while (isBusy() && performance.now() < deadline) {
    if (!aborted && performance.now() >= deadline - abortMs) {
      aborted = true;
      for (const attempt of attempts) attempt.abort('shutdown');
    }
    await pause(Math.min(10, Math.max(0, deadline - performance.now())));
  }
}
