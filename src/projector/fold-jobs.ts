import type { JobSoFar } from '../api-projector.js';
import type { RecordedEvent } from '../job/events.js';
import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { readByJob } from './feed.js';
import type { Step } from './job-cache.js';
import { advance } from './job-so-far.js';
import { rowsFor, unknownEvent } from './stretch.js';
import { parkingAt, type StretchRows } from './stretch-rows.js';
import type { Folded } from './writer.js';

/** Events read at a time. */
const PAGE = 1_000;
/** Rows held in memory, over all builds, after which a chunk ends. */
const MOST_ROWS = 30_000;

/** How long a chunk takes at most, in milliseconds: what is slow should not do much of it in vain. */
const MOST_MS = 2_000;

/** Whole jobs of a partition, folded but not written yet. */
export interface Chunk {
  /** The last job of it; where it began if it has none. */
  readonly jobId: string | null;
  readonly jobs: number;
  readonly events: number;
  /** Whether there are no more. */
  readonly isEnd: boolean;
  readonly rows: ReadonlyMap<Build, StretchRows>;
  readonly stopped: string | undefined;
  readonly culprit: Folded['culprit'];
}

/** Which jobs: those behind one, and of them the events up to a position. */
export interface Which {
  readonly partition: number;
  readonly jobId: string | null;
  readonly upTo: number;
  readonly most: number;
}

/** Reads whole jobs once for several builds, and folds them for each, until enough rows are held. */
export async function foldJobs(
  store: Store,
  builds: readonly Build[],
  parked: ReadonlyMap<number, ReadonlySet<string>>,
  { partition, jobId, upTo, most }: Which,
): Promise<Chunk> {
  const rows = rowsFor(store, builds, 0, parked);
  const jobs = new Jobs(jobId, most);
  const until = performance.now() + MOST_MS;
  const read = (at: Place) => readByJob(store, partition, at, upTo, PAGE);
  let page = read({ jobId: jobId ?? BEFORE_ALL, version: LAST });
  for (;;) {
    const events = await page;
    const last = events.at(-1);
    // The next page is on its way while this one is folded.
    if (last !== undefined) page = read({ jobId: last.streamId, version: last.version });
    page.catch(() => {});
    const steps = jobs.take(events);
    for (const one of rows.values()) await one.fold(steps);
    jobs.isFull ||= held(rows) >= MOST_ROWS || performance.now() > until;
    if (last === undefined || jobs.isOver) return { ...jobs.answer(last === undefined), rows };
  }
}

interface Place {
  readonly jobId: string;
  readonly version: number;
}

const BEFORE_ALL = '00000000-0000-0000-0000-000000000000';
/** Behind every version of a job. */
const LAST = 2_147_483_647;

function held(rows: ReadonlyMap<Build, StretchRows>): number {
  let sum = 0;
  for (const one of rows.values()) sum += one.size;
  return sum;
}

/** One job after the other; it ends where a job ends. */
class Jobs {
  readonly #most: number;
  /** Set when the job in hand is to be the last. */
  isFull = false;
  isOver = false;
  #jobId: string | null;
  #jobs = 0;
  #events = 0;
  #first: RecordedEvent | undefined;
  #job: JobSoFar | undefined;
  #trouble: unknown;
  #stopped: string | undefined;

  constructor(jobId: string | null, most: number) {
    this.#jobId = jobId;
    this.#most = most;
  }

  /** The events that belong to this chunk, each with its job. */
  take(events: readonly RecordedEvent[]): readonly Step[] {
    const steps: Step[] = [];
    for (const event of events) {
      if (event.streamId !== this.#jobId && !this.#begin(event)) break;
      if (this.#isUnknown(event)) break;
      this.#events += 1;
      steps.push(this.#step(event));
    }
    return steps;
  }

  answer(isEnd: boolean): Omit<Chunk, 'rows'> {
    const first = this.#first;
    return {
      jobId: this.#jobId,
      jobs: this.#jobs,
      events: this.#events,
      isEnd: isEnd && !this.isOver,
      stopped: this.#stopped,
      culprit: (_, error) => parkingAt(first!, error),
    };
  }

  #begin(event: RecordedEvent): boolean {
    this.isOver = this.isFull || this.#jobs >= this.#most;
    if (this.isOver) return false;
    this.#jobId = event.streamId;
    this.#jobs += 1;
    this.#first = event;
    this.#job = undefined;
    this.#trouble = undefined;
    return true;
  }

  /** Nothing of its job may be written: the caller folds again those before it. */
  #isUnknown(event: RecordedEvent): boolean {
    this.#stopped = unknownEvent(event);
    this.isOver ||= this.#stopped !== undefined;
    return this.#stopped !== undefined;
  }

  /** A job whose events do not follow on one another stays unknown from there on. */
  #step(event: RecordedEvent): Step {
    if (this.#trouble !== undefined) return { event, job: undefined, trouble: this.#trouble };
    try {
      this.#job = advance(this.#job, event);
      return { event, job: this.#job };
    } catch (trouble) {
      this.#trouble = trouble;
      return { event, job: undefined, trouble };
    }
  }
}
