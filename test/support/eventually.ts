import { setTimeout as pause } from 'node:timers/promises';

/**
 * Tries until the function neither throws nor gives `false`, and gives what it gave. At the end of
 * its time it throws the last error.
 */
export async function eventually<T>(
  attempt: () => T | Promise<T>,
  { timeoutMs = 10_000, everyMs = 20 }: { timeoutMs?: number; everyMs?: number } = {},
): Promise<Exclude<T, false>> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const late = performance.now() >= deadline;
    try {
      const result = await attempt();
      if (result !== false) return result as Exclude<T, false>;
      if (late) throw new Error(`still false after ${timeoutMs} ms`);
    } catch (error) {
      if (late) throw error;
    }
    await pause(everyMs);
  }
}
