import type { Verification } from './api-views.js';

/** What `repairDispatch` puts right. All but `tallies` and `sequences` are tables that workers claim by. */
export type RepairedTable =
  'ready' | 'scheduled' | 'leases' | 'unique_keys' | 'workers' | 'tallies' | 'sequences';

/** One thing that is changed, or would be. */
export interface RepairChange {
  readonly table: RepairedTable;
  readonly action: 'add' | 'change' | 'remove';
  readonly partition: number | null;
  readonly jobId: string | null;
  /** What is wrong. */
  readonly text: string;
}

/** How many rows are added, changed and removed, or would be. */
export interface RepairCounts {
  readonly add: number;
  readonly change: number;
  readonly remove: number;
}

/** What `repairDispatch` answers. */
export interface Repair {
  /** True if nothing was changed: this is what would be. */
  readonly dryRun: boolean;
  /** Rows changed in all; 0 if the tables were as the log says. */
  readonly changes: number;
  readonly tables: { readonly [T in RepairedTable]: RepairCounts };
  /** The first 1,000 changes. */
  readonly samples: readonly RepairChange[];
  /** What could not be put right, and why: at most 1,000 lines. */
  readonly left: readonly string[];
  /** What `verify` said afterwards; null in a dry run. */
  readonly verification: Verification | null;
}

/** Options of `repairDispatch`. */
export interface RepairOptions {
  /** Only say what would be changed; false unless said. */
  readonly dryRun?: boolean;
}
