import type { Transition } from '../api-worker.js';
import type { Log } from '../job/define.js';
import type { RecordedEvent } from '../job/events.js';
import { evolve } from '../job/evolve.js';
import { outside } from '../tracing.js';
import { stateAt, type JobState } from '../job/state.js';
import type { Execution } from './outcome/execution.js';

export type TransitionListener = (transition: Transition) => void;

/** Gives the attempt of a job whose outcome is on its way, if the worker has one. */
export type Underway = (jobId: string) => OutcomeUnderway | undefined;

export interface OutcomeUnderway {
  /** Number of the attempt. */
  readonly number: number;
  /** Called when the ledger has answered, behind what was told of it. */
  whenAnswered(then: () => void): void;
}

/** Where a transition stands in its job's history: attempts start, then end, then a job may be changed. */
type Place = readonly [attempt: number, phase: 0 | 1 | 2, version: number];

/** What is known of a job while a change to it has not been answered. */
interface Open {
  changes: number;
  readonly told: { readonly place: Place; readonly transition: Transition }[];
}

/**
 * Tells of each change of a job's state that this ledger has committed, once to each listener and in
 * the order of the job's versions. Answers come by several connections and may overtake each other, so
 * what concerns a job with a change under way is kept until all is known, and then told in order.
 * Nothing here can harm a job: a listener that throws is logged and forgotten.
 */
export class Transitions {
  readonly #log: Log;
  /** How many workers have each listener. */
  readonly #listeners = new Map<TransitionListener, number>();
  readonly #workers = new Set<Underway>();
  readonly #open = new Map<string, Open>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Whether anybody listens; if not, nothing need be told. */
  get isHeard(): boolean {
    return this.#listeners.size > 0;
  }

  /** Several workers may have the same listener: it is told once. Gives the way to end it. */
  listen(listener: TransitionListener): () => void {
    this.#listeners.set(listener, (this.#listeners.get(listener) ?? 0) + 1);
    return () => {
      const others = this.#listeners.get(listener)! - 1;
      if (others === 0) this.#listeners.delete(listener);
      else this.#listeners.set(listener, others);
    };
  }

  /** A worker whose outcomes are waited for, whether it listens or not. Gives the way to end it. */
  join(underway: Underway): () => void {
    this.#workers.add(underway);
    return () => void this.#workers.delete(underway);
  }

  /** An attempt has started. */
  started(transition: Transition, attempt: number): void {
    this.#begin(transition.jobId);
    this.#tell(transition, [attempt, 0, 0]);
    this.#end(transition.jobId);
  }

  /** An attempt has ended. */
  ended(transition: Transition, attempt: number): void {
    this.#tell(transition, [attempt, 1, 0]);
  }

  /** Carries out changes to these jobs, and tells of them when they are answered for. */
  async around(
    jobIds: readonly string[],
    change: () => Promise<readonly Execution[]>,
  ): Promise<readonly Execution[]> {
    if (!this.isHeard) return change();
    for (const jobId of jobIds) this.#begin(jobId);
    try {
      const executions = await change();
      for (const execution of executions) if ('events' in execution) this.#changed(execution);
      return executions;
    } finally {
      for (const jobId of jobIds) this.#end(jobId);
    }
  }

  #changed({ before, events }: Extract<Execution, { events: unknown }>): void {
    let state: JobState = before;
    for (const event of events) {
      const after = evolve(state, event);
      if (after.state !== state.state)
        this.#tell(transitionOf(state, after, event), [
          before.attempt,
          state.state === 'running' ? 1 : 2,
          event.version,
        ]);
      state = after;
    }
  }

  #begin(jobId: string): void {
    const open = this.#open.get(jobId);
    if (open === undefined) this.#open.set(jobId, { changes: 1, told: [] });
    else open.changes++;
  }

  #end(jobId: string): void {
    const open = this.#open.get(jobId)!;
    if (--open.changes > 0) return;
    const outcome = this.#outcomeBefore(jobId, open);
    if (outcome !== undefined) {
      open.changes++;
      return outcome.whenAnswered(() => this.#end(jobId));
    }
    this.#open.delete(jobId);
    open.told.sort(({ place: one }, { place: other }) => compare(one, other));
    for (const { transition } of open.told) this.#emit(transition);
  }

  /** The end of an attempt that was over before what is to be told, though its answer has not come yet. */
  #outcomeBefore(jobId: string, { told }: Open): OutcomeUnderway | undefined {
    const over = told.map(({ place: [attempt, phase] }) => (phase === 2 ? attempt : attempt - 1));
    const latest = Math.max(0, ...over);
    for (const underway of this.#workers) {
      const outcome = underway(jobId);
      if (outcome !== undefined && outcome.number <= latest) return outcome;
    }
    return undefined;
  }

  #tell(transition: Transition, place: Place): void {
    const open = this.#open.size === 0 ? undefined : this.#open.get(transition.jobId);
    if (open === undefined) this.#emit(transition);
    else open.told.push({ place, transition });
  }

  #emit(transition: Transition): void {
    for (const listener of this.#listeners.keys()) {
      try {
        // A listener that is an async function must not end the process with its rejection.
        void Promise.resolve(outside(() => listener(transition))).catch((error: unknown) =>
          this.#failed(error),
        );
      } catch (error) {
        this.#failed(error);
      }
    }
  }

  #failed(error: unknown): void {
    this.#log.warn({ code: 'LISTENER', error }, 'onTransition threw');
  }
}

function transitionOf(before: JobState, after: JobState, event: RecordedEvent): Transition {
  return {
    ...{ jobId: after.id, kind: after.kind, queue: after.queue },
    // What had come due was available, as the event says too.
    ...{ from: stateAt(before, event.recordedAt), to: after.state },
    event: { type: event.type, data: event.data },
  };
}

function compare(one: Place, other: Place): number {
  return one[0] - other[0] || one[1] - other[1] || one[2] - other[2];
}
