import { setTimeout as pause } from 'node:timers/promises';
import type { Attempt } from './attempt.js';

/**
 * Waits for handlers to end; shortly before the deadline their signals abort with `shutdown`. With no
 * time left they are told all the same.
 */
export async function drain(
  held: ReadonlyMap<string, Attempt>,
  deadline: number,
  abortMs: number,
  isBusy: () => boolean,
): Promise<void> {
  let aborted = false;
  while (isBusy()) {
    const leftMs = deadline - performance.now();
    if (!aborted && leftMs <= abortMs) {
      aborted = true;
      for (const attempt of held.values()) attempt.abort('shutdown');
    }
    if (leftMs <= 0) return;
    await pause(Math.min(10, leftMs));
  }
}

/** Waits for work that wants the store, but no longer than this: a store that is away keeps nobody. */
export async function withinTime(work: Promise<unknown>, deadline: number): Promise<void> {
  const done = new AbortController();
  const patience = pause(Math.max(0, deadline - performance.now()), undefined, {
    signal: done.signal,
  });
  await Promise.race([work.catch(() => {}), patience.catch(() => {})]);
  done.abort();
}
