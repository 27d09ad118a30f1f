import type { KafkaOptions, TopicVerification } from './api-kafka.js';
import type { AsOfOption } from './api-as-of.js';
import type { JobFilter } from './api-filter.js';
import type { Projection } from './api-projector.js';
import type { ProjectionVerification } from './api-projections.js';
import type { StateName } from './job/state.js';

/** What `list` shall show. */
export interface ListOptions extends JobFilter, AsOfOption {
  /** 1 to 100; 25 unless said. */
  readonly limit?: number;
}

/** One line of `list`. Times are UTC, ISO 8601, with microseconds. */
export interface ListedJob {
  readonly id: string;
  readonly shortId: string | null;
  readonly kind: string;
  readonly queue: string;
  readonly state: StateName;
  readonly priority: number;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly createdAt: string;
  readonly runAt: string | null;
  /** Of failed jobs: when, why for good (`exhausted`, `non-retryable` …), and the error's category and text. */
  readonly failedAt?: string;
  readonly decision?: string;
  readonly category?: string;
  readonly message?: string;
  /** Set where this program cannot read the job's events. */
  readonly note?: string;
  /** Why this inbox row cannot become a job. */
  readonly setAside?: string;
}

/** How many jobs are in each state. */
export type StateCounts = { readonly [S in StateName]: number };

/** Counts of one snapshot. See `Ledger.stats`. */
export interface Stats {
  /** When the snapshot was taken, by the database's clock. */
  readonly at: string;
  /** All jobs by state. */
  readonly states: StateCounts;
  /** All jobs ever enqueued; the states add up to it. */
  readonly enqueued: number;
  /** The same by queue and kind; kinds that this ledger knows are there with 0. */
  readonly byQueue: readonly (StateCounts & { readonly queue: string; readonly kind: string })[];
  /** Events in the whole log. */
  readonly events: number;
  /** Accepted enqueues that are not in the log yet, and rows that cannot become a job. */
  readonly inbox: { readonly waiting: number; readonly setAside: number };
  /** Queues and kinds with waiting jobs that no live worker has. */
  readonly unattended: readonly {
    readonly queue: string;
    readonly kind: string;
    readonly waiting: number;
  }[];
  /** Live workers. */
  readonly workers: number;
  /** Milliseconds that the oldest available job has waited, or null. */
  readonly oldestAvailableMs: number | null;
}

/** Something that `verify` found not to be as the log says. */
export interface Difference {
  /**
   * `position`, `stream`, `ready`, `scheduled`, `leases`, `unique_keys`, `workers`, `tallies` or
   * `stray`.
   */
  readonly where: string;
  readonly partition: number | null;
  readonly jobId: string | null;
  readonly text: string;
}

/** Something that the deep check found not to be as it must. See docs/operations.md. */
export interface Finding {
  /** What sort of damage it is: `position-gap`, `second-outcome`, `dispatch-stray` … */
  readonly code: string;
  readonly partition: number | null;
  readonly position: number | null;
  /** The job. */
  readonly stream: string | null;
  readonly text: string;
}

/** Options of `Ledger.verify`. */
export interface VerifyOptions {
  /** Also holds every event against the rules, by code that the ledger has no part in. */
  readonly deep?: boolean;
  /** Also compares the whole log with its topic; reads both once. */
  readonly kafka?: KafkaOptions;
  /** Also compares the read models that are served, of which this is the code. */
  readonly projections?: readonly Projection[];
}

/** What `verify` answers. */
export interface Verification {
  /** True if there is no difference and no finding, and every read model is as the log says. */
  readonly verified: boolean;
  /** Events read. */
  readonly events: number;
  /** Jobs folded. */
  readonly jobs: number;
  readonly differences: readonly Difference[];
  /** What the deep check found, if it was asked for; at most 1,000 of them. */
  readonly findings?: readonly Finding[];
  /** What was found of the topic, if it was asked for. */
  readonly kafka?: TopicVerification;
  /** The read models that were compared, if their code was given. */
  readonly projections?: readonly ProjectionVerification[];
  /** What is no difference but wants an eye: rows of the inbox that were set aside. */
  readonly notes: readonly string[];
}
