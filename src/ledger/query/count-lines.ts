import type { StateCounts } from '../../api-views.js';
import { DEFAULTS } from '../../job/defaults.js';
import type { JobContract } from '../../job/define.js';
import { STATES } from '../../job/state.js';

/** How many jobs of a queue and a kind are in each state. */
export interface Line {
  readonly queue: string;
  readonly kind: string;
  readonly counts: Counts;
}

export type Counts = { -readonly [S in keyof StateCounts]: number };

/** Kinds whose line is told though it may be empty, with their queues. */
export type KnownKinds = ReadonlyMap<string, { readonly queue: string }>;

/** The kinds that a program has declared. */
export function knownKinds(kinds: ReadonlyMap<string, JobContract> = new Map()): KnownKinds {
  return new Map(
    [...kinds].map(([kind, job]) => [kind, { queue: job.options.queue ?? DEFAULTS.queue }]),
  );
}

/** Lines by queue and kind. */
export class CountLines {
  readonly #lines = new Map<string, Line>();

  constructor(known: KnownKinds) {
    for (const [kind, { queue }] of known) this.at(queue, kind);
  }

  /** The counts of a line, to be changed. */
  at(queue: string, kind: string): Counts {
    const key = `${queue}\0${kind}`;
    let line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, (line = { queue, kind, counts: noCounts() }));
    return line.counts;
  }

  sorted(): readonly Line[] {
    return [...this.#lines.values()].sort(
      (a, b) => compare(a.queue, b.queue) || compare(a.kind, b.kind),
    );
  }
}

/** Counts as answers have them: of all lines, and by line. */
export function toldCounts(lines: readonly Line[]) {
  const states = noCounts();
  for (const { counts } of lines) for (const state of STATES) states[state] += counts[state];
  const byQueue = lines.map(({ queue, kind, counts }) => ({ queue, kind, ...counts }));
  return { states: states as StateCounts, byQueue };
}

function noCounts(): Counts {
  return Object.fromEntries(STATES.map((state) => [state, 0])) as Counts;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
