import type { Rejection } from '../../job/commands.js';
import type { RecordedEvent } from '../../job/events.js';
import { fold } from '../../job/evolve.js';
import type { JobState } from '../../job/state.js';
import { reasonOf } from '../inbox/set-aside.js';
import type { Store } from '../store.js';

/** The jobs that were read, and why the others could not be. */
export interface Folded {
  readonly states: ReadonlyMap<string, JobState | undefined>;
  readonly unreadable: ReadonlyMap<string, Rejection>;
}

/** Folds each stream for itself: one that this program cannot read must not stop the others. */
export function foldStreams(
  store: Store,
  ids: readonly string[],
  events: ReadonlyMap<string, readonly RecordedEvent[]>,
): Folded {
  const states = new Map<string, JobState | undefined>();
  const unreadable = new Map<string, Rejection>();
  for (const id of ids) {
    try {
      states.set(id, fold(events.get(id) ?? []));
    } catch (error) {
      const message = `job ${id}: its events cannot be read by this program: ${reasonOf(error)}`;
      unreadable.set(id, { rejected: 'UNREADABLE', message });
      logOnce(store, id, message);
    }
  }
  return { states, unreadable };
}

const LOGGED = new WeakMap<Store, Set<string>>();

/** Maintenance comes across such a job twice a second. */
function logOnce(store: Store, jobId: string, message: string): void {
  const logged = LOGGED.get(store) ?? new Set();
  LOGGED.set(store, logged);
  if (logged.has(jobId)) return;
  logged.add(jobId);
  store.log.warn({ code: 'UNREADABLE', jobId }, message);
}
