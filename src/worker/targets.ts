import type { PeekedRow } from '../ledger/claim/peek-statement.js';
import type { Line } from './lines.js';

/** While busy, the order of the lines is looked up again after this time, so that priorities hold. */
const ORDER_MS = 50;
/** First and longest rest of a line whose partition somebody else has locked, in milliseconds. */
const LOCKED_MS = { first: 2, longest: 50 } as const;

/**
 * The lines that are said to have work, most urgent first, and which of them may be claimed from.
 * Spare lines are those that other workers look at first: they are left to them while there is
 * anything else.
 */
export class Targets {
  #lines: Line[] = [];
  #spare: Line[] = [];
  #spareKeys: ReadonlySet<string> = new Set();
  #orderedAt = Number.NEGATIVE_INFINITY;
  /** Lines by when they were last hinted at, so that an older look does not overrule the hint. */
  readonly #hints = new Map<string, { readonly line: Line; readonly at: number }>();
  /** Lines that a claim is under way for. */
  readonly #taken = new Set<string>();
  /** Lines that rest, with how long. */
  readonly #resting = new Set<string>();
  readonly #rests = new Map<string, number>();

  get size(): number {
    return this.#lines.length + this.#spare.length;
  }

  get isOrderStale(): boolean {
    return this.size > 1 && performance.now() - this.#orderedAt > ORDER_MS;
  }

  hint(line: Line): void {
    this.#hints.set(keyOf(line), { line, at: performance.now() });
    if (!this.#lines.some((one) => isSame(one, line))) this.#lines.unshift(line);
  }

  /** Takes the first line that nothing is under way for; it is taken until it is freed or rests. */
  take(): Line | undefined {
    const line = this.#takeFrom(this.#lines);
    if (line !== undefined) return line;
    const isOccupied = [...this.#taken].some((key) => !this.#spareKeys.has(key));
    return isOccupied ? undefined : this.#takeFrom(this.#spare);
  }

  free(line: Line): void {
    this.#taken.delete(keyOf(line));
    this.#rests.delete(keyOf(line));
  }

  /** Leaves a line whose partition is locked alone for a while; others go on. */
  rest(line: Line, whenRested: () => void): void {
    const key = keyOf(line);
    const ms = Math.min((this.#rests.get(key) ?? LOCKED_MS.first / 2) * 2, LOCKED_MS.longest);
    this.#rests.set(key, ms);
    this.#taken.delete(key);
    this.#resting.add(key);
    this.last(line);
    setTimeout(() => {
      this.#resting.delete(key);
      whenRested();
    }, ms).unref();
  }

  first(line: Line): void {
    this.#listOf(line).unshift(line);
  }

  last(line: Line): void {
    this.#listOf(line).push(line);
  }

  /** Rows come most urgent first; each line counts once. What was hinted at since is newer. */
  order(rows: readonly PeekedRow[], since: number): void {
    const lines = new Map<string, Line>();
    for (const { partition, queue } of rows) {
      const line = { partition, queue };
      if (!lines.has(keyOf(line))) lines.set(keyOf(line), line);
    }
    const behindOwn = rows.slice(rows.findLastIndex((row) => row.own) + 1);
    const ahead = new Set(rows.slice(0, rows.length - behindOwn.length).map(keyOf));
    for (const [key, { line, at }] of this.#hints) {
      if (at < since) this.#hints.delete(key);
      else if (!lines.has(key)) lines.set(key, line);
    }
    this.#spareKeys = new Set(behindOwn.map(keyOf).filter((key) => !ahead.has(key)));
    const isSpare = (line: Line) => this.#spareKeys.has(keyOf(line));
    this.#lines = [...lines.values()].filter((line) => !isSpare(line));
    this.#spare = [...lines.values()].filter(isSpare);
    this.#orderedAt = performance.now();
  }

  #takeFrom(lines: Line[]): Line | undefined {
    const isFree = (key: string) => !this.#taken.has(key) && !this.#resting.has(key);
    const index = lines.findIndex((line) => isFree(keyOf(line)));
    if (index === -1) return undefined;
    const [line] = lines.splice(index, 1);
    this.#taken.add(keyOf(line!));
    return line;
  }

  #listOf(line: Line): Line[] {
    return this.#spareKeys.has(keyOf(line)) ? this.#spare : this.#lines;
  }
}

function keyOf(line: Line): string {
  return `${line.partition}/${line.queue}`;
}

function isSame(a: Line, b: Line): boolean {
  return a.partition === b.partition && a.queue === b.queue;
}
