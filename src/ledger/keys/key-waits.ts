/** Shortest and longest time that a busy key is left alone. */
const MIN_REST_MS = 250;
const MAX_REST_MS = 30_000;

/**
 * Bounds what a mover loses to keys that open transactions hold: each may be waited for a moment, all
 * of a pass together no longer than the budget. A key that was busy is left alone for as long as it
 * has been busy so far, so that the many that stay busy do not eat up the budget of the others.
 */
export class KeyWaits {
  /** How long one key is waited for. */
  readonly waitMs: number;
  readonly #budgetMs: number;
  readonly #now: () => number;
  readonly #busy = new Map<string, { readonly sinceMs: number; readonly untilMs: number }>();
  #leftMs: number;

  /** `now` in milliseconds, of any clock that only goes forward. */
  constructor(waitMs: number, budgetMs: number, now: () => number = () => performance.now()) {
    this.waitMs = waitMs;
    this.#budgetMs = budgetMs;
    this.#leftMs = budgetMs;
    this.#now = now;
  }

  /** A new pass has the whole budget; keys that nobody has asked for since long ago are forgotten. */
  startPass(): void {
    this.#leftMs = this.#budgetMs;
    const now = this.#now();
    for (const [name, { untilMs }] of this.#busy)
      if (untilMs + MAX_REST_MS < now) this.#busy.delete(name);
  }

  /** False if the key was busy lately, or if this pass has no time left to find that it is. */
  mayAsk(name: string): boolean {
    return this.#leftMs > 0 && (this.#busy.get(name)?.untilMs ?? 0) <= this.#now();
  }

  /** The key was busy; finding out took so long. */
  wasBusy(name: string, tookMs: number): void {
    const now = this.#now();
    const sinceMs = this.#busy.get(name)?.sinceMs ?? now - tookMs;
    const restMs = Math.min(Math.max(now - sinceMs, MIN_REST_MS), MAX_REST_MS);
    this.#leftMs -= tookMs;
    this.#busy.set(name, { sinceMs, untilMs: now + restMs });
  }

  wasFree(name: string): void {
    this.#busy.delete(name);
  }

  /** True if a key was busy and has not been seen free since. */
  get someBusy(): boolean {
    return this.#busy.size > 0;
  }
}
