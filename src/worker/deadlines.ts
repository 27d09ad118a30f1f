import type { Attempt } from './attempt.js';

/**
 * Tells when the time of an attempt is over. Most attempts end within the turn of the event loop in
 * which they began, when no timer could have fired: only one that outlives it gets a timer, since
 * setting and clearing one costs more than such a job.
 */
export class Deadlines {
  readonly #expired: (attempt: Attempt) => void;
  #begun: Attempt[] = [];

  constructor(expired: (attempt: Attempt) => void) {
    this.#expired = expired;
  }

  /** The time of this attempt runs from when it began. */
  begin(attempt: Attempt): void {
    if (attempt.enqueued.timeoutMs === null) return;
    if (this.#begun.push(attempt) === 1) setImmediate(() => this.#setTimers());
  }

  #setTimers(): void {
    const now = performance.now();
    for (const attempt of this.#begun.splice(0)) {
      const { timeoutMs } = attempt.enqueued;
      if (timeoutMs === null || !attempt.isTimed) continue;
      // Whole milliseconds, rounded up: a timer cuts fractions off, and nobody's time may end early.
      const leftMs = Math.ceil(Math.max(0, timeoutMs - (now - attempt.beganAt)));
      attempt.timer = setTimeout(() => this.#expired(attempt), leftMs);
    }
  }
}
