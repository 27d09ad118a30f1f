import type { Stretch } from '../ledger/stretches.js';

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
const LOWEST = { priority: -32_769, seq: 0 };
const HIGHEST = { priority: 32_768, seq: 0 };

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
      let from: Place = LOWEST;
      for (const place of this.#places.get(keyOf(line, kind)) ?? []) {
        // Everything before the start of this priority, then everything behind our place in it.
        stretches.push(stretch(kind, from, { priority: place.priority, seq: 0 }));
        from = place;
      }
      stretches.push(stretch(kind, from, HIGHEST));
    }
    return stretches;
  }

  /**
   * What a sweep looks at: the same, and for each place what lies behind it, where only a row that
   * came back can be.
   */
  sweep(line: Line, kinds: Iterable<string>): Stretch[] {
    const all = [...kinds];
    const behind = all.flatMap((kind) =>
      (this.#places.get(keyOf(line, kind)) ?? []).map(({ priority, seq }) =>
        stretch(kind, { priority, seq: 0 }, { priority, seq: seq + 1 }),
      ),
    );
    return [...behind, ...this.stretches(line, all)];
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

function stretch(kind: string, from: Place, to: Place): Stretch {
  return {
    kind,
    fromPriority: from.priority,
    fromSeq: from.seq,
    toPriority: to.priority,
    toSeq: to.seq,
  };
}
