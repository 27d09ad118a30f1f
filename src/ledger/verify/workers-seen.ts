import type { RecordedEvent } from '../../job/events.js';
import type { JobState } from '../../job/state.js';
import type { FoldWatcher } from './fold-partition.js';

/** The workers that the log names. */
export class WorkersSeen implements FoldWatcher {
  /** The highest id; 0 if there was none. */
  last = 0;
  /** Those that a repair has put on record, or would have by now. */
  readonly recorded = new Set<number>();

  took({ type, data }: RecordedEvent): void {
    if (type === 'AttemptStarted' && data.worker > this.last) this.last = data.worker;
  }

  /** Who has a job now. */
  holding(states: ReadonlyMap<string, JobState>): Set<number> {
    const holders = new Set<number>();
    for (const state of states.values()) if (state.state === 'running') holders.add(state.worker);
    return holders;
  }
}
