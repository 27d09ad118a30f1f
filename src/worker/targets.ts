import type { Line } from './lines.js';

/** While busy, the order of the lines is looked up again after this time, so that priorities hold. */
const ORDER_MS = 50;
/** First and longest rest of a line whose partition somebody else has locked, in milliseconds. */
const LOCKED_MS = { first: 1, longest: 50 } as const;

/** The lines that are said to have work, most urgent first, and which of them may be claimed from. */
export class Targets {
  #lines: Line[] = [];
  #orderedAt = Number.NEGATIVE_INFINITY;
  /** Lines by when they were last hinted at, so that an older look does not overrule the hint. */
  readonly #hints = new Map<string, { readonly line: Line; readonly at: number }>();
  /** Lines that a claim is under way for, or that rest. */
  readonly #busy = new Set<string>();
  /** How long each locked line rested last. */
  readonly #rests = new Map<string, number>();

  get size(): number {
    return this.#lines.length;
  }

  get isOrderStale(): boolean {
    return this.#lines.length > 1 && performance.now() - this.#orderedAt > ORDER_MS;
  }

  hint(line: Line): void {
    this.#hints.set(keyOf(line), { line, at: performance.now() });
    if (!this.#lines.some((one) => isSame(one, line))) this.#lines.unshift(line);
  }

  /** Takes the first line that nothing is under way for; it is busy until it is freed. */
  take(): Line | undefined {
    const index = this.#lines.findIndex((line) => !this.#busy.has(keyOf(line)));
    if (index === -1) return undefined;
    const [line] = this.#lines.splice(index, 1);
    this.#busy.add(keyOf(line!));
    return line;
  }

  free(line: Line): void {
    this.#busy.delete(keyOf(line));
    this.#rests.delete(keyOf(line));
  }

  /** Leaves a line whose partition is locked alone for a while; others go on. */
  rest(line: Line, whenRested: () => void): void {
    const key = keyOf(line);
    const ms = Math.min((this.#rests.get(key) ?? LOCKED_MS.first / 2) * 2, LOCKED_MS.longest);
    this.#rests.set(key, ms);
    this.last(line);
    setTimeout(() => {
      this.#busy.delete(key);
      whenRested();
    }, ms).unref();
  }

  first(line: Line): void {
    this.#lines.unshift(line);
  }

  last(line: Line): void {
    this.#lines.push(line);
  }

  /** Rows come most urgent first; each line counts once. What was hinted at since is newer. */
  order(rows: readonly Line[], since: number): void {
    const lines = new Map<string, Line>();
    for (const { partition, queue } of rows) {
      const line = { partition, queue };
      if (!lines.has(keyOf(line))) lines.set(keyOf(line), line);
    }
    for (const [key, { line, at }] of this.#hints) {
      if (at < since) this.#hints.delete(key);
      else if (!lines.has(key)) lines.set(key, line);
    }
    this.#lines = [...lines.values()];
    this.#orderedAt = performance.now();
  }
}

function keyOf(line: Line): string {
  return `${line.partition}/${line.queue}`;
}

function isSame(a: Line, b: Line): boolean {
  return a.partition === b.partition && a.queue === b.queue;
}
