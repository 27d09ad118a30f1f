import type { Difference } from '../../api-views.js';
import type { RecordedEvent } from '../../job/events.js';
import { evolve } from '../../job/evolve.js';
import type { JobState } from '../../job/state.js';
import { EVENT_FIELDS, toEvent, type EventRow } from '../read.js';
import type { Store } from '../store.js';

/** Runs a statement in the transaction or on the connection of whoever reads. */
export type Query = (text: string, values?: unknown[]) => Promise<{ rows: unknown[] }>;

/** Rows of the log read at a time. */
const PAGE = 5_000;

/** Hears of each event of the partition, in order. `after` is undefined where the stream cannot be read. */
export interface FoldWatcher {
  took(event: RecordedEvent, after: JobState | undefined): void;
}

/**
 * Folds a partition's log into the states of its jobs, from where it has come to up to the head. The
 * log only grows, so what was folded before a lock was taken is still right under it, and only what
 * came meanwhile has to be read. Texts that decide nothing (payloads, results, errors) are not kept.
 */
export class PartitionFold {
  /** Streams that cannot be read to their ends have their last readable state here. */
  readonly states = new Map<string, JobState>();
  /** Why the rest of a stream cannot be read, by job. */
  readonly unreadable = new Map<string, string>();
  /** What is wrong with positions, times and streams. */
  readonly differences: Difference[] = [];
  /** The last position. */
  head = 0;
  readonly #store: Store;
  readonly #partition: number;
  readonly #watchers: readonly FoldWatcher[];
  #latest = '';

  constructor(store: Store, partition: number, watchers: readonly FoldWatcher[] = []) {
    this.#store = store;
    this.#partition = partition;
    this.#watchers = watchers;
  }

  /** Reads on to the head as the reader sees it. */
  async read(query: Query): Promise<void> {
    const text = `select ${EVENT_FIELDS} from ${this.#store.tables.eventsOf(this.#partition)}
      where partition = ${this.#partition} and position > $1 order by position limit ${PAGE}`;
    for (let read = PAGE; read === PAGE;) {
      const rows = (await query(text, [this.head])).rows as EventRow[];
      for (const row of rows) this.#take(row);
      read = rows.length;
    }
  }

  #take(row: EventRow): void {
    if (row.position !== this.head + 1) this.differences.push(gap(row, this.head + 1));
    if (row.recorded_at < this.#latest) this.differences.push(stepBack(row));
    this.head = row.position;
    this.#latest = row.recorded_at;
    const event = toEvent(row);
    const after = this.unreadable.has(row.stream_id) ? undefined : this.#fold(row, event);
    for (const watcher of this.#watchers) watcher.took(event, after);
  }

  #fold({ stream_id: id, version }: EventRow, event: RecordedEvent): JobState | undefined {
    try {
      const state = this.states.get(id);
      if (version !== (state?.version ?? 0) + 1) throw new Error(`version ${version} out of turn`);
      const after = bare(evolve(state, event));
      this.states.set(id, after);
      return after;
    } catch (error) {
      const { partition, position, type } = event;
      const text = `event ${partition}/${position} (${type}) cannot follow: ${(error as Error).message}`;
      this.unreadable.set(id, text);
      this.differences.push({ where: 'stream', partition, jobId: id, text });
      return undefined;
    }
  }
}

/** Without what is large and decides nothing. */
function bare(state: JobState): JobState {
  const { tenant } = state.meta;
  const kept = { ...state, payload: null, meta: tenant === undefined ? {} : { tenant } };
  delete kept.metadata;
  delete kept.previousError;
  if (kept.state === 'running') delete kept.progress;
  if (kept.state === 'succeeded') delete kept.result;
  return kept;
}

function gap({ partition, position }: EventRow, expected: number): Difference {
  const text = `expected position ${expected}, found ${position}`;
  return { where: 'position', partition, jobId: null, text };
}

function stepBack({ partition, position, stream_id: jobId }: EventRow): Difference {
  const text = `recorded_at of position ${position} is before that of the position before it`;
  return { where: 'position', partition, jobId, text };
}
