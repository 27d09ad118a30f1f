import type { ProjectionStatus, RebuildProgress } from '../api-projections.js';

/** Over how long a rate is taken, in milliseconds. */
const WINDOW_MS = 10_000;

/** How fast a build goes on, from how far it was at each look. */
export class Rate {
  readonly #looks: { readonly at: number; readonly events: number }[] = [];

  /** The same status with its rate and how long the rest takes. */
  tell(status: ProjectionStatus, at = performance.now()): RebuildProgress {
    this.#looks.push({ at, events: status.events });
    while (this.#looks.length > 2 && at - this.#looks[0]!.at > WINDOW_MS) this.#looks.shift();
    const first = this.#looks[0]!;
    const folded = status.events - first.events;
    if (folded <= 0 || at <= first.at)
      return { ...status, eventsPerSecond: null, secondsLeft: null };
    const eventsPerSecond = (folded / (at - first.at)) * 1_000;
    return { ...status, eventsPerSecond, secondsLeft: status.lagEvents / eventsPerSecond };
  }
}
