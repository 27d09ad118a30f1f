import type { Stretch } from '../ledger/claim/stretches.js';

/** A queue within a partition: what one claim works on. */
export interface Line {
  readonly partition: number;
  readonly queue: string;
}

interface Place {
  readonly priority: number;
  seq: number;
}

/** Where a claimed row stood. */
interface Row {
  readonly kind: string;
  readonly priority: number;
  readonly seq: number;
}

/** Most priorities of a kind whose places are remembered. */
const MAX_PLACES = 64;
const BEFORE_ALL = { priority: -32_769, seq: 0 };
const LAST_PRIORITY = 32_767;

/**
 * Where this process has got to in each line, per kind and priority. Rows it has claimed are dead
 * but may still stand in the index for as long as somebody's old snapshot lasts; scans that begin
 * behind them stay short. What comes back to an earlier place (released, re-prioritised) is found
 * by a sweep from the bottom, which sets the place back.
 */
export class Lines {
  readonly #places = new Map<string, Place[]>();

  /** The stretches of a line that may hold work for these kinds, most urgent first per kind. */
  stretches(line: Line, kinds: Iterable<string>): Stretch[] {
    const stretches: Stretch[] = [];
    for (const kind of kinds) {
      let from: Place = BEFORE_ALL;
      for (const place of this.#places.get(keyOf(line, kind)) ?? []) {
        // Everything before this priority, then, in the next round, everything behind our place in it.
        stretches.push(stretch(kind, from, place.priority - 1));
        from = place;
      }
      stretches.push(stretch(kind, from, LAST_PRIORITY));
    }
    return stretches;
  }

  /** What a sweep looks at: the same, and each priority from its bottom, where a row may be back. */
  sweep(line: Line, kinds: Iterable<string>): Stretch[] {
    const all = [...kinds];
    const fromBottom = all.flatMap((kind) =>
      (this.#places.get(keyOf(line, kind)) ?? []).map(({ priority }) =>
        stretch(kind, { priority, seq: 0 }, priority),
      ),
    );
    return [...fromBottom, ...this.stretches(line, all)];
  }

  /** Everything up to these rows, which come in line order, is claimed. */
  advance(line: Line, rows: readonly Row[]): void {
    for (const [index, { kind, priority, seq }] of rows.entries()) {
      const next = rows[index + 1];
      if (next?.kind === kind && next.priority === priority) continue;
      const place = this.#placeAt(line, kind, priority);
      if (seq > place.seq) place.seq = seq;
    }
  }

  /** A live row has been seen here: the next claim must not begin behind it. */
  stepBack(line: Line, kind: string, priority: number, seq: number): void {
    const places = this.#places.get(keyOf(line, kind));
    const place = places?.find((one) => one.priority === priority);
    if (place !== undefined && place.seq >= seq) place.seq = seq - 1;
  }

  /** Places in lines of other kinds are of no use any more. */
  forgetKindsBut(kinds: ReadonlySet<string>): void {
    for (const key of this.#places.keys())
      if (!kinds.has(key.slice(key.lastIndexOf('\0') + 1))) this.#places.delete(key);
  }

  #placeAt(line: Line, kind: string, priority: number): Place {
    const key = keyOf(line, kind);
    let places = this.#places.get(key);
    // Places save time and no more: too many of them would cost it.
    if (places === undefined || places.length >= MAX_PLACES) this.#places.set(key, (places = []));
    let index = places.findIndex((one) => one.priority >= priority);
    if (index === -1) index = places.length;
    if (places[index]?.priority !== priority) places.splice(index, 0, { priority, seq: 0 });
    return places[index]!;
  }
}

function keyOf(line: Line, kind: string): string {
  return `${line.partition}\0${line.queue}\0${kind}`;
}

function stretch(kind: string, { priority, seq }: Place, toPriority: number): Stretch {
  return { kind, fromPriority: priority, fromSeq: seq, toPriority };
}
