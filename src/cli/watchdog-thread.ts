import { writeSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { workerData } from 'node:worker_threads';
import type { WatchdogData } from './watchdog.js';

const LOOK_MS = 250;
const { ticks, limitMs } = workerData as WatchdogData;

let seen = -1;
let stillMs = 0;
while (stillMs < limitMs) {
  const before = performance.now();
  await pause(LOOK_MS);
  const now = Atomics.load(ticks, 0);
  // Capped, since a stopped process (SIGSTOP, a laptop asleep) stops this thread as well.
  stillMs = now === seen ? stillMs + Math.min(performance.now() - before, 2 * LOOK_MS) : 0;
  seen = now;
}
try {
  writeSync(
    2,
    `jobledger: the event loop stood still for ${Math.round(stillMs / 1_000)} s; ending\n`,
  );
} finally {
  process.kill(process.pid, 'SIGKILL');
}
