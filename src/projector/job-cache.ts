import type { JobSoFar } from '../api-projector.js';
import type { RecordedEvent } from '../job/events.js';
import type { Store } from '../ledger/store.js';
import { TERMINAL_STATES } from '../job/state.js';
import { readJobsUpTo } from './feed.js';
import { advance } from './job-so-far.js';

/** Jobs kept from one stretch of a partition to the next. */
const MOST_KEPT = 2_000;

const ENDED: ReadonlySet<string> = new Set(TERMINAL_STATES);

/** An event, and its job after it; or why that cannot be told. */
export interface Step {
  readonly event: RecordedEvent;
  readonly job: JobSoFar | undefined;
  readonly trouble?: unknown;
}

/**
 * The jobs of one partition as of a position, as far as they are known: those that have not ended. A
 * job that is not among them is folded from its own events. A function of the log alone, so that it
 * may be lost at any time.
 */
export class JobCache {
  readonly #store: Store;
  readonly #partition: number;
  #position: number;
  readonly #jobs = new Map<string, JobSoFar>();
  readonly #broken = new Map<string, unknown>();

  constructor(store: Store, partition: number, position: number) {
    this.#store = store;
    this.#partition = partition;
    this.#position = position;
  }

  get position(): number {
    return this.#position;
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** Goes on to the end of these events, which follow its position; gives each with its job. */
  async follow(events: readonly RecordedEvent[]): Promise<readonly Step[]> {
    await this.#load(events);
    const steps = events.map((event) => this.#step(event));
    this.#position = events.at(-1)?.position ?? this.#position;
    return steps;
  }

  /** Forgets jobs that have ended, and the oldest of the others beyond a number. */
  trim(): void {
    for (const [id, { state }] of this.#jobs) if (ENDED.has(state)) this.#jobs.delete(id);
    let beyond = this.#jobs.size - MOST_KEPT;
    for (const id of this.#jobs.keys()) if (beyond-- > 0) this.#jobs.delete(id);
    this.#broken.clear();
  }

  async #load(events: readonly RecordedEvent[]): Promise<void> {
    const missing = new Set<string>();
    for (const { streamId, version } of events)
      if (version > 1 && !this.#jobs.has(streamId)) missing.add(streamId);
    for (const { streamId, version } of events) if (version === 1) missing.delete(streamId);
    if (missing.size === 0) return;
    const past = await readJobsUpTo(this.#store, this.#partition, [...missing], this.#position);
    for (const event of past) this.#step(event);
  }

  /** A job whose events do not follow on one another stays unknown from there on. */
  #step(event: RecordedEvent): Step {
    const { streamId } = event;
    const broken = this.#broken.get(streamId);
    if (broken !== undefined) return { event, job: undefined, trouble: broken };
    try {
      const job = advance(this.#jobs.get(streamId), event);
      this.#jobs.set(streamId, job);
      return { event, job };
    } catch (trouble) {
      this.#jobs.delete(streamId);
      this.#broken.set(streamId, trouble);
      return { event, job: undefined, trouble };
    }
  }
}
