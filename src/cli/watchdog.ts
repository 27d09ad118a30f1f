import { Worker as Thread } from 'node:worker_threads';

/**
 * Ends the process when its main loop has stood still beyond the stall limit: the worker has lost
 * its leases by then, and only another thread can still act. Gives a function that ends the watch.
 */
export function watchLoop(stallLimitMs: number): () => void {
  const ticks = new Int32Array(new SharedArrayBuffer(4));
  const ticker = setInterval(() => Atomics.add(ticks, 0, 1), TICK_MS);
  const workerData: WatchdogData = { ticks, limitMs: stallLimitMs + MARGIN_MS };
  const thread = new Thread(new URL('./watchdog-thread.js', import.meta.url), { workerData });
  thread.unref();
  thread.on('error', () => undefined); // without a watchdog the worker still works
  return () => {
    clearInterval(ticker);
    void thread.terminate();
  };
}

export interface WatchdogData {
  readonly ticks: Int32Array;
  readonly limitMs: number;
}

/** A main loop that comes back just in time ends the worker itself, and more gently. */
const MARGIN_MS = 2_000;
const TICK_MS = 200;
