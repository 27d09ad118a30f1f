import { setTimeout as pause } from 'node:timers/promises';
import { now, wallNow } from './clock.mjs';

/** The worker process: what the driver may ask of it. */
export function createRole(contestant) {
  let worker;
  let log;
  return {
    async start(database, { work, record, step, options }) {
      log = new RunLog({ record, step });
      worker = await contestant.startWorker(database, handler(log, work), options);
      return worker.id;
    },
    stop: () => worker.stop(),
    cpu: () => process.cpuUsage(),
    state: () => ({ handled: log.handled, firstAt: log.firstAt, steps: log.steps }),
    starts: () => ({ from: log.from, at: log.startedAt, wallAt: log.startedAtWall }),
    /** Resolves when so many handlers were called, or with the count so far at the deadline. */
    reach: (count, withinMs) => log.reach(count, withinMs),
  };
}

/** What `work` says a handler does: nothing, wait `sleepMs`, or never end. */
function handler(log, { sleepMs, hang } = {}) {
  if (hang) {
    return (payload) => {
      log.take(payload);
      return new Promise(() => undefined);
    };
  }
  if (sleepMs) {
    return (payload) => {
      log.take(payload);
      return pause(sleepMs);
    };
  }
  return (payload) => log.take(payload);
}

/** Counts handler calls; with `record: { from, count }` it keeps when each of these jobs began. */
class RunLog {
  handled = 0;
  firstAt = undefined;
  steps = [];
  #step;
  #target = Infinity;
  #reached = undefined;

  constructor({ record, step = Infinity }) {
    this.#step = step;
    this.from = record?.from ?? 0;
    this.startedAt = new Float64Array(record?.count ?? 0).fill(NaN);
    this.startedAtWall = new Float64Array(record?.count ?? 0).fill(NaN);
  }

  take({ n }) {
    if (this.handled === 0) this.firstAt = now();
    this.handled += 1;
    if (this.startedAt.length > 0) this.#keep(n - this.from);
    if (this.handled % this.#step === 0) {
      this.steps.push({ at: now(), rss: process.memoryUsage.rss() });
    }
    if (this.handled >= this.#target) this.#reached();
  }

  reach(count, withinMs) {
    if (this.handled >= count) return this.handled;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.#reached(), withinMs);
      this.#target = count;
      this.#reached = () => {
        clearTimeout(timer);
        this.#target = Infinity;
        resolve(this.handled);
      };
    });
  }

  /** Of several attempts the first counts. */
  #keep(index) {
    if (!Number.isNaN(this.startedAt[index] ?? 0)) return;
    this.startedAt[index] = now();
    this.startedAtWall[index] = wallNow();
  }
}
