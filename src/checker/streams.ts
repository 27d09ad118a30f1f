import type { Findings } from './findings.js';
import type { LoggedEvent } from './logged-event.js';
import { STATES, type State } from './states.js';
import { begin, follow, unknownForm, type Stream } from './stream.js';

/** An ended stream as a number: its last version and its state. */
const SORTS = STATES.length;

/**
 * The streams of one partition, built up event by event. Those that can never change again but for
 * a note are kept as a number. After its first finding a stream is judged no further: what follows
 * would only say the same again.
 */
export class Streams {
  /** Events held against the state machine. */
  judged = 0;
  readonly #findings: Findings;
  readonly #partition: number;
  readonly #partitions: number;
  readonly #live = new Map<string, Stream>();
  readonly #ended = new Map<string, number>();
  readonly #damaged = new Set<string>();

  constructor(findings: Findings, partition: number, partitions: number) {
    this.#findings = findings;
    this.#partition = partition;
    this.#partitions = partitions;
  }

  /** How many streams there are. */
  get size(): number {
    return this.#live.size + this.#ended.size + this.#damaged.size;
  }

  /** Judges the next event; gives its stream as it stands then, unless it is damaged or has ended. */
  take(event: LoggedEvent): Stream | undefined {
    const { stream: id } = event;
    if (this.#damaged.has(id)) return undefined;
    this.judged += 1;
    const sorry = this.#judge(event);
    if (sorry === undefined) return this.#live.get(id);
    this.#findings.add(sorry.code, event, sorry.text);
    this.#damaged.add(id);
    this.#live.delete(id);
    this.#ended.delete(id);
    return undefined;
  }

  get(id: string): Stream | undefined {
    return this.#live.get(id);
  }

  live(): Iterable<Stream> {
    return this.#live.values();
  }

  isDamaged(id: string): boolean {
    return this.#damaged.has(id);
  }

  /** The state of an ended stream that is no longer kept whole. */
  endOf(id: string): State | undefined {
    const ended = this.#ended.get(id);
    return ended === undefined ? undefined : STATES[ended % SORTS];
  }

  /** How many streams are in which state. */
  tally(): ReadonlyMap<State, number> {
    const counts = new Map<State, number>();
    const count = (state: State) => counts.set(state, (counts.get(state) ?? 0) + 1);
    for (const { state } of this.#live.values()) count(state);
    for (const ended of this.#ended.values()) count(STATES[ended % SORTS]!);
    return counts;
  }

  #judge(event: LoggedEvent): ReturnType<typeof follow> {
    const { stream: id } = event;
    const unknown = unknownForm(event);
    if (unknown !== undefined) return unknown;
    const ended = this.#ended.get(id);
    if (ended !== undefined) return this.#afterEnd(event, ended);
    const known = this.#live.get(id);
    if (known === undefined) {
      const begun = begin(event, this.#partition, this.#partitions);
      if ('code' in begun) return begun;
      this.#live.set(id, begun);
      return undefined;
    }
    const sorry = follow(known, event);
    if (sorry === undefined && isFinal(known.state)) {
      this.#live.delete(id);
      this.#ended.set(id, known.version * SORTS + STATES.indexOf(known.state));
    }
    return sorry;
  }

  /** Only notes may follow: the two events that change nothing. */
  #afterEnd({ type, stream, version, data }: LoggedEvent, ended: number) {
    const last = Math.floor(ended / SORTS);
    if (version !== last + 1) {
      return { code: 'version-gap', text: `version ${version} follows ${last}` } as const;
    }
    if (type === 'JobDeduplicated' || type === 'OutcomeRejected') {
      this.#ended.set(stream, ended + SORTS);
      return undefined;
    }
    const state = STATES[ended % SORTS]!;
    if (data.attempt !== undefined && type !== 'AttemptStarted') {
      const text = `${type} of attempt ${data.attempt}, but the job had ended as ${state}`;
      return { code: 'second-outcome', text } as const;
    }
    return { code: 'illegal-event', text: `${type} in a job that is ${state}` } as const;
  }
}

/** A failed job may be retried, so it is kept whole. */
function isFinal(state: State): boolean {
  return state === 'succeeded' || state === 'canceled' || state === 'discarded';
}
