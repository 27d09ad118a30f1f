/** Most jobs of one claim. */
const MAX_CLAIM = 1_000;
/** Jobs are fetched no further ahead than what begins within this time, in milliseconds. */
const AHEAD_MS = 250;
/** Shortest busy time over which the rate is measured, in milliseconds. */
const WINDOW_MS = 2;

/**
 * How much this worker may hold: its slots, and ahead of them only what it will begin within 250 ms
 * at its measured rate. So a crash loses little, and slow jobs are never fetched ahead at all.
 */
export class Capacity {
  readonly #concurrency: number;
  readonly #fetchAhead: number;
  /** Handlers that occupy a slot, ended ones that have not returned included. */
  running = 0;
  /** Claimed and not begun. */
  buffered = 0;
  /** Asked for by claims in flight. */
  reserved = 0;
  #ratePerMs = 0;
  #busySince = 0;
  #windowBusyMs = 0;
  #windowEnded = 0;
  #meanRunMs = 0;
  #endedAt = 0;

  constructor(concurrency: number, fetchAhead: number) {
    this.#concurrency = concurrency;
    this.#fetchAhead = fetchAhead;
  }

  /** Slots that nothing is meant for yet. */
  get free(): number {
    return Math.max(0, this.#concurrency - this.running - this.buffered - this.reserved);
  }

  get hasSlot(): boolean {
    return this.running < this.#concurrency;
  }

  /** The most jobs that this worker holds: its slots, and what it fetches ahead of them. */
  get reach(): number {
    return this.#concurrency + this.#ahead();
  }

  /** How many jobs to claim now; 0 while enough is at hand, so that claims stay large. */
  wanted(): number {
    const ahead = this.#ahead();
    const held = this.running + this.buffered + this.reserved;
    const room = Math.min(MAX_CLAIM, this.#concurrency + ahead - held);
    if (room <= 0) return 0;
    const enough =
      this.buffered + this.reserved > 0 &&
      room < Math.min(MAX_CLAIM, this.#concurrency + ahead) / 2;
    return enough ? 0 : room;
  }

  begun(now: number): void {
    if (this.running === 0) this.#busySince = this.#endedAt = now;
    this.running++;
  }

  /** A handler has returned after `runMs`. Time without any job says nothing of the rate. */
  ended(now: number, runMs: number): void {
    this.running--;
    this.#endedAt = now;
    this.#meanRunMs += (runMs - this.#meanRunMs) * 0.1;
    this.#windowEnded++;
    const busyMs = this.#windowBusyMs + (now - this.#busySince);
    if (busyMs >= WINDOW_MS) {
      const rate = this.#windowEnded / busyMs;
      this.#ratePerMs = this.#ratePerMs === 0 ? rate : (this.#ratePerMs + rate) / 2;
      this.#windowBusyMs = 0;
      this.#windowEnded = 0;
      this.#busySince = now;
    } else if (this.running === 0) this.#windowBusyMs = busyMs;
  }

  /** Every slot is taken, and none has come free for longer than jobs may wait here. */
  isStuck(now: number): boolean {
    return !this.hasSlot && now - this.#endedAt > AHEAD_MS;
  }

  #ahead(): number {
    if (this.#meanRunMs > AHEAD_MS || this.isStuck(performance.now())) return 0;
    return Math.min(this.#fetchAhead, Math.floor(this.#ratePerMs * AHEAD_MS));
  }
}
