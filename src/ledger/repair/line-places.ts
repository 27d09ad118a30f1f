import type { RecordedEvent } from '../../job/events.js';
import { compareInstants } from '../../job/instant.js';
import { isTerminal, type JobState } from '../../job/state.js';
import type { FoldWatcher } from '../verify/fold-partition.js';

/** When a job joined the line, and by which event; the ledger's clock. */
export interface Joined {
  readonly at: string;
  readonly position: number;
  /** When its cancel was asked for, while it runs. */
  readonly cancelAt: string | null;
}

/**
 * Keeps, while the log is folded, when each job that has not ended joined the line: when it was
 * enqueued or given back its chance, or came due if that was later. A released job keeps its place.
 */
export class LinePlaces implements FoldWatcher {
  readonly joined = new Map<string, Joined>();

  took(event: RecordedEvent, after: JobState | undefined): void {
    if (after === undefined) return;
    const { position, recordedAt } = event;
    const known = this.joined.get(after.id);
    if (isTerminal(after.state)) this.joined.delete(after.id);
    else if (known === undefined || JOINS.has(event.type))
      this.joined.set(after.id, { at: joinedAt(after, recordedAt), position, cancelAt: null });
    else if (event.type === 'CancelRequested')
      this.joined.set(after.id, { ...known, cancelAt: recordedAt });
  }
}

const JOINS: ReadonlySet<string> = new Set<RecordedEvent['type']>([
  'JobEnqueued',
  'AttemptFailed',
  'AttemptLost',
  'JobSnoozed',
  'JobRetried',
  'JobRescheduled',
]);

function joinedAt(state: JobState, recordedAt: string): string {
  const isLater = 'runAt' in state && compareInstants(state.runAt, recordedAt) > 0;
  return isLater ? state.runAt : recordedAt;
}

/** The order of the line. */
export function compareJoined(one: Joined, other: Joined): number {
  return compareInstants(one.at, other.at) || one.position - other.position;
}

/** A row that keeps its place; `joined` is unknown if its job cannot be read. */
export interface Settled {
  readonly seq: number;
  readonly joined: Joined | undefined;
}

/**
 * Places for those who have none, in their order, among those who keep theirs: each before the first
 * that joined later. Where a gap between two has too few numbers, who does not fit comes after it,
 * still in order. They are spread over the numbers of their gap, so that partitions, whose numbers
 * are from one counter, stay in step. `last` is the last number that was given, and so many numbers
 * above the last settled place as there are newcomers must have been. Pure.
 */
export function placesFor(
  newcomers: readonly Joined[],
  settled: readonly Settled[],
  last: number,
): number[] {
  const line = [...settled].sort((one, other) => one.seq - other.seq);
  const places: number[] = [];
  let before = 0;
  let next = 0;
  for (let gap = 0; gap <= line.length && next < newcomers.length; gap++) {
    const end = line[gap];
    const top = end?.seq ?? last + 1;
    let fit = next;
    while (fit < newcomers.length && belongsBefore(newcomers[fit]!, end)) fit++;
    const free = Math.max(0, top - before - 1);
    const here = Math.min(fit - next, free);
    for (let n = 1; n <= here; n++)
      places.push(before + Math.floor((n * (top - before)) / (here + 1)));
    next += here;
    before = Math.max(before, top);
  }
  return places;
}

function belongsBefore(newcomer: Joined, end: Settled | undefined): boolean {
  if (end === undefined) return true;
  return end.joined !== undefined && compareJoined(newcomer, end.joined) < 0;
}
