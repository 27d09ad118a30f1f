import type { Repair, RepairChange, RepairedTable } from '../../api-repair.js';
import type { Verification } from '../../api-views.js';

/** Changes and lines told; the rest are only counted. */
const MAX_TOLD = 1_000;

type Counts = { add: number; change: number; remove: number };

/** Adds up what is changed, or would be. */
export class Report {
  readonly #tables: { [T in RepairedTable]: Counts } = {
    ready: none(),
    scheduled: none(),
    leases: none(),
    unique_keys: none(),
    workers: none(),
    tallies: none(),
    sequences: none(),
  };
  readonly #samples: RepairChange[] = [];
  readonly #left: string[] = [];

  add(changes: Iterable<RepairChange>): void {
    for (const change of changes) {
      this.count(change.table, change.action, 1);
      if (this.#samples.length < MAX_TOLD) this.#samples.push(change);
    }
  }

  /** Changes that are not told one by one, or (below 0) did not come about after all. */
  count(table: RepairedTable, action: keyof Counts, by: number): void {
    this.#tables[table][action] += by;
  }

  leave(lines: readonly string[]): void {
    this.#left.push(...lines.slice(0, MAX_TOLD - this.#left.length));
  }

  answer(verification: Verification | null): Repair {
    const all = Object.values(this.#tables);
    return {
      dryRun: verification === null,
      changes: all.reduce((sum, { add, change, remove }) => sum + add + change + remove, 0),
      tables: this.#tables,
      samples: this.#samples,
      left: this.#left,
      verification,
    };
  }
}

function none(): Counts {
  return { add: 0, change: 0, remove: 0 };
}
