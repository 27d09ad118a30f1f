import { formProblem } from '../job/event-versions.js';
import type { RecordedEvent } from '../job/events.js';
import type { Store } from '../ledger/store.js';
import type { Build } from './builds.js';
import { readBehind } from './feed.js';
import type { Observe } from './fold-spans.js';
import type { JobCache } from './job-cache.js';
import { StretchRows, type LoadRows } from './stretch-rows.js';
import { loadRows } from './load-rows.js';

/** Events read at a time. */
const PAGE = 1_000;
/** Rows and jobs held in memory, over all builds, after which a stretch ends. */
const MOST_HELD = 100_000;

/** Where a stretch begins, and where it ends at the latest: its events are those behind `from`. */
export interface Bounds {
  readonly partition: number;
  readonly from: number;
  readonly to: number;
}

/** How long a stretch takes at most, in milliseconds: what is slow should not do much of it in vain. */
const MOST_MS = 2_000;

/** A stretch of one partition, folded but not written yet. */
export interface Stretch {
  /** Position of its last event; where it began if it has none. */
  readonly to: number;
  readonly rows: ReadonlyMap<Build, StretchRows>;
  /** Why it ends before an event that this program does not know. */
  readonly stopped: string | undefined;
}

/**
 * Reads a partition's events once for several builds that stand at the same position, and folds them
 * for each: up to a position, or until enough rows are held in memory.
 */
export async function foldStretch(
  store: Store,
  builds: readonly Build[],
  parked: ReadonlyMap<number, ReadonlySet<string>>,
  cache: JobCache,
  { partition, from, to: upTo }: Bounds,
  observe?: Observe,
): Promise<Stretch> {
  const rows = rowsFor(store, builds, from, parked);
  const until = performance.now() + MOST_MS;
  const isFull = () => held(cache, rows) >= MOST_HELD || performance.now() > until;
  let to = from;
  let stopped: string | undefined;
  let page = readPage(store, partition, to, upTo);
  while (to < upTo && stopped === undefined && (to === from || !isFull())) {
    const events = await page;
    if (events.length === 0) break;
    observe?.(events);
    // The next page is on its way while this one is folded.
    page = readPage(store, partition, events.at(-1)!.position, upTo);
    page.catch(() => {});
    const unknown = events.findIndex((event) => unknownEvent(event) !== undefined);
    if (unknown !== -1) stopped = unknownEvent(events[unknown]!);
    const steps = await cache.follow(unknown === -1 ? events : events.slice(0, unknown));
    for (const one of rows.values()) await one.fold(steps);
    to = cache.position;
  }
  return { to, rows, stopped };
}

/** What each build's rows become, none of them yet. */
export function rowsFor(
  store: Store,
  builds: readonly Build[],
  from: number,
  parked: ReadonlyMap<number, ReadonlySet<string>>,
): ReadonlyMap<Build, StretchRows> {
  const made = builds.map((build) => {
    const load: LoadRows = (keys) => loadRows(store, build, keys);
    return [build, new StretchRows(build.projection, from, load, parked.get(build.id))] as const;
  });
  return new Map(made);
}

function readPage(store: Store, partition: number, from: number, upTo: number) {
  return upTo <= from
    ? Promise.resolve([])
    : readBehind(store, partition, from, Math.min(PAGE, upTo - from));
}

function held(cache: JobCache, rows: ReadonlyMap<Build, StretchRows>): number {
  let sum = cache.size;
  for (const one of rows.values()) sum += one.size;
  return sum;
}

/** Why this program cannot fold an event: it must not guess, nor leave it out. */
export function unknownEvent(event: RecordedEvent): string | undefined {
  const { partition, position, type } = event;
  const problem = formProblem(event);
  return problem && `event ${partition}/${position} (${type}): ${problem}; update this program`;
}
