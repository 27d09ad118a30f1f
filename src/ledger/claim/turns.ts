/** Small flushes that follow each other this closely share a partition. */
const SHARED_MS = 5;
/** Until so many jobs have gone there. */
const SHARED_JOBS = 100;

/**
 * Which partition takes the next flush: turn by turn. Small flushes that follow each other closely
 * go to one partition, so that a worker claims their jobs together; none joins one that is still
 * in flight, for whose lock it would only wait.
 */
export class Turns {
  readonly #partitions: number;
  readonly #busy = new Map<number, number>();
  #current = Math.floor(Math.random() * 256);
  #since = Number.NEGATIVE_INFINITY;
  #jobs = 0;

  constructor(partitions: number) {
    this.#partitions = partitions;
  }

  /** The partition for a flush of so many jobs; tell `done` when it has ended. */
  begin(jobs: number, now = performance.now()): number {
    const partition = this.#current % this.#partitions;
    const stays =
      now - this.#since < SHARED_MS &&
      this.#jobs + jobs <= SHARED_JOBS &&
      !this.#busy.has(partition);
    if (!stays) {
      this.#current++;
      this.#since = now;
      this.#jobs = 0;
    }
    this.#jobs += jobs;
    const chosen = this.#current % this.#partitions;
    this.#busy.set(chosen, (this.#busy.get(chosen) ?? 0) + 1);
    return chosen;
  }

  done(partition: number): void {
    const left = (this.#busy.get(partition) ?? 0) - 1;
    if (left > 0) this.#busy.set(partition, left);
    else this.#busy.delete(partition);
  }

  /** For what bypasses the buffer, and does not say when it has ended. */
  next(): number {
    return ++this.#current % this.#partitions;
  }
}
