import { setTimeout as pause } from 'node:timers/promises';

/** Waits for work that may fail or hang, but no longer than this, in milliseconds. Never rejects. */
export async function within(work: Promise<unknown>, ms: number): Promise<void> {
  const done = new AbortController();
  const patience = pause(ms, undefined, { signal: done.signal }).catch(() => undefined);
  await Promise.race([work.catch(() => undefined), patience]);
  done.abort();
}
