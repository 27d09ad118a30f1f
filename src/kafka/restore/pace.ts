import type { RestoreProgress } from '../../api-restore.js';

/** Over how long a rate is taken, and from one telling to the next, in milliseconds. */
const WINDOW_MS = 10_000;
const TELL_MS = 250;

/** Tells how far a copy is and how fast it goes on, a few times a second. */
export class Pace {
  readonly #of: number;
  readonly #tell: ((progress: RestoreProgress) => void) | undefined;
  readonly #looks: { readonly atMs: number; readonly events: number }[] = [];
  #events: number;

  constructor(
    events: number,
    of: number,
    tell: ((progress: RestoreProgress) => void) | undefined,
    atMs = performance.now(),
  ) {
    this.#events = events;
    this.#of = of;
    this.#tell = tell;
    this.#looks.push({ atMs, events });
  }

  took(events: number, atMs = performance.now()): void {
    this.#events += events;
    if (atMs - this.#looks.at(-1)!.atMs < TELL_MS && this.#events < this.#of) return;
    this.#looks.push({ atMs, events: this.#events });
    while (this.#looks.length > 2 && atMs - this.#looks[0]!.atMs > WINDOW_MS) this.#looks.shift();
    this.#tell?.(this.#progress(atMs));
  }

  #progress(atMs: number): RestoreProgress {
    const first = this.#looks[0]!;
    const counts = { events: this.#events, of: this.#of };
    const took = this.#events - first.events;
    if (took <= 0 || atMs <= first.atMs)
      return { ...counts, eventsPerSecond: null, secondsLeft: null };
    const eventsPerSecond = (took / (atMs - first.atMs)) * 1_000;
    return { ...counts, eventsPerSecond, secondsLeft: (this.#of - this.#events) / eventsPerSecond };
  }
}
