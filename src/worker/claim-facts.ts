import type { Line } from './lines.js';

/**
 * A claim of this process: what its attempts have in common. Its time is the database's; the time
 * of anything after it is that and what passed here since.
 */
export class ClaimFacts {
  readonly worker: number;
  readonly claim: number;
  readonly partition: number;
  readonly queue: string;
  /** When it was made, by the database's clock, with microseconds. */
  readonly at: string;
  /** The same in milliseconds since 1970. */
  readonly atMs: number;
  /** What may be recorded together: outcomes of one worker's attempts in one partition. */
  readonly flushKey: string;
  readonly #receivedAt = performance.now();
  #latestMs = Number.NaN;
  #latest = '';

  constructor(
    facts: Line & { readonly worker: number; readonly claim: number; readonly at: string },
  ) {
    this.worker = facts.worker;
    this.claim = facts.claim;
    this.partition = facts.partition;
    this.queue = facts.queue;
    this.at = facts.at;
    this.flushKey = `${facts.partition}/${facts.worker}`;
    this.atMs = Date.parse(facts.at);
  }

  /** A moment of `performance.now()` by the database's clock; never before the claim. */
  timeAt(moment: number): string {
    const ms = this.atMs + Math.max(0, Math.round(moment - this.#receivedAt));
    // Attempts of one claim often begin in the same millisecond, and writing a date is dear.
    if (ms !== this.#latestMs) {
      this.#latestMs = ms;
      this.#latest = `${new Date(ms).toISOString().slice(0, 23)}${this.at.slice(23, 26)}Z`;
    }
    return this.#latest;
  }
}
