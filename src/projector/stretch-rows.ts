import type { Projection, Row } from '../api-projector.js';
import type { RecordedEvent } from '../job/events.js';
import { reasonOf } from '../ledger/inbox/set-aside.js';
import { cleanText } from '../job/clean-text.js';
import type { Step } from './job-cache.js';
import { keyText } from './key-text.js';
import { isRowRefused } from './row-fault.js';

/** A job that a build leaves out from this event on. */
export interface Parking {
  readonly jobId: string;
  readonly position: number;
  readonly eventType: string;
  readonly error: string;
}

/** A row that a stretch has touched: as it stood in the table, and as it is now. */
export interface Touched {
  readonly key: Row;
  readonly stood: boolean;
  row: Row | undefined;
}

/** Of what is kept of an error. */
const MOST_BYTES = 4_096;

interface Concern {
  readonly step: Step;
  readonly keys: readonly Row[];
  /** The keys as text. */
  readonly texts: readonly string[];
}

/** Reads the rows of these keys that stand in the build's table. */
export type LoadRows = (keys: readonly Row[]) => Promise<readonly Row[]>;

/**
 * What a build's rows become in one stretch of one partition, in memory: from the rows that stand in
 * the table, event by event. An event that the projection cannot take parks its job; what it had done
 * until then stays, and the others go on.
 */
export class StretchRows {
  readonly #projection: Projection;
  /** Position before the stretch: a job enqueued behind it has no row yet. */
  readonly #from: number;
  readonly #load: LoadRows;
  readonly #rows = new Map<string, Touched>();
  readonly #parked: Set<string>;
  #last: RecordedEvent | undefined;
  readonly parkings: Parking[] = [];

  constructor(
    projection: Projection,
    from: number,
    load: LoadRows,
    parked: ReadonlySet<string> = new Set(),
  ) {
    this.#projection = projection;
    this.#from = from;
    this.#load = load;
    this.#parked = new Set(parked);
  }

  get size(): number {
    return this.#rows.size;
  }

  touched(): Iterable<Touched> {
    return this.#rows.values();
  }

  /** Folds events, which follow those before. */
  async fold(steps: readonly Step[]): Promise<void> {
    this.#last = steps.at(-1)?.event ?? this.#last;
    const concerns: Concern[] = [];
    for (const step of steps) {
      const concern = this.#concernOf(step);
      if (concern !== undefined) concerns.push(concern);
    }
    await this.#findAll(concerns);
    for (const concern of concerns) this.#apply(concern);
  }

  /** The job of the last event, parked for a reason that is none of its own handler's. */
  lastParking(error: unknown): Parking {
    return parkingAt(this.#last!, error);
  }

  #concernOf(step: Step): Concern | undefined {
    const { event, job, trouble } = step;
    const projection = this.#projection;
    const column = projection.job;
    if (this.#parked.has(event.streamId)) return undefined;
    try {
      if (job === undefined) throw trouble;
      if (!projection.hears(event.type)) return undefined;
      const keys = projection.rowsOf(event, job);
      if (keys.length === 0) return undefined;
      for (const key of keys) refuseOthers(column, key, event.streamId);
      return { step, keys, texts: keys.map((key) => keyText(projection, key)) };
    } catch (error) {
      this.#park(step, error);
      return undefined;
    }
  }

  /** One key that cannot be asked for spoils the question for all: then each event asks by itself. */
  async #findAll(concerns: readonly Concern[]): Promise<void> {
    try {
      return await this.#find(concerns);
    } catch (error) {
      if (!isRowRefused(error)) throw error;
    }
    for (const concern of concerns)
      try {
        if (!this.#parked.has(concern.step.event.streamId)) await this.#find([concern]);
      } catch (error) {
        if (!isRowRefused(error)) throw error;
        this.#park(concern.step, error);
      }
  }

  async #find(concerns: readonly Concern[]): Promise<void> {
    const missing = new Map<string, Row>();
    for (const { step, keys, texts } of concerns)
      for (let at = 0; at < texts.length; at++) {
        const [text, key] = [texts[at]!, keys[at]!];
        if (this.#rows.has(text) || missing.has(text)) continue;
        if (this.#isNew(step)) this.#rows.set(text, { key, stood: false, row: undefined });
        else missing.set(text, key);
      }
    if (missing.size === 0) return;
    for (const row of await this.#load([...missing.values()])) {
      const text = keyText(this.#projection, row);
      this.#rows.set(text, { key: missing.get(text) ?? row, stood: true, row });
      missing.delete(text);
    }
    for (const [text, key] of missing) this.#rows.set(text, { key, stood: false, row: undefined });
  }

  #isNew({ job }: Step): boolean {
    return this.#projection.job !== undefined && job!.position > this.#from;
  }

  /** All rows of an event or none. */
  #apply({ step, texts }: Concern): void {
    const { event, job } = step;
    if (this.#parked.has(event.streamId)) return;
    try {
      const found = texts.map((text) => this.#rows.get(text)!);
      const after = found.map(({ row, key }) =>
        this.#checked(this.#projection.fold(row, event, job!, key), key),
      );
      found.forEach((one, index) => (one.row = after[index]));
    } catch (error) {
      this.#park(step, error);
    }
  }

  /** A row under another key would be written over one that nobody has looked at. */
  #checked(row: Row | undefined, key: Row): Row | undefined {
    if (row === undefined) return undefined;
    if (typeof row !== 'object' || row === null) throw new Error('on: expected a row or undefined');
    const { key: names } = this.#projection;
    if (names.every((name) => row[name] === key[name])) return row;
    const [is, want] = [keyText(this.#projection, row), keyText(this.#projection, key)];
    if (is !== want) throw new Error(`on: the row's key is ${is}, expected ${want}`);
    return row;
  }

  #park({ event }: Step, error: unknown): void {
    this.#parked.add(event.streamId);
    this.parkings.push(parkingAt(event, error));
  }
}

/** The job of this event, parked by it. */
export function parkingAt(event: RecordedEvent, error: unknown): Parking {
  const { streamId: jobId, position, type: eventType } = event;
  return { jobId, position, eventType, error: cleanText(reasonOf(error), MOST_BYTES) };
}

function refuseOthers(column: string | undefined, key: Row, jobId: string): void {
  if (typeof key !== 'object' || key === null)
    throw new Error('rows: expected a key, several, or undefined');
  if (column !== undefined && key[column] !== jobId)
    throw new Error(`rows: ${column} is ${String(key[column])}, expected the event's job`);
}
