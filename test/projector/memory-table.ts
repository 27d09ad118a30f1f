import type { JobSoFar, Projection, RecordedEvent, Row } from '../../src/index.js';
import { advance } from '../../src/projector/job-so-far.js';
import { keyText } from '../../src/projector/key-text.js';
import { StretchRows } from '../../src/projector/stretch-rows.js';

/** A read model's table in memory, which stretches are folded into as the engine does. */
export class MemoryTable {
  readonly rows = new Map<string, Row>();
  readonly #jobs = new Map<string, JobSoFar>();
  readonly #past = new Map<string, RecordedEvent[]>();
  readonly #projection: Projection;
  /** The position that each partition's events were folded up to. */
  readonly #positions = new Map<number, number>();

  constructor(projection: Projection) {
    this.#projection = projection;
  }

  /** Folds the next events of one partition as one stretch, read in pages of this size. */
  async take(events: readonly RecordedEvent[], page = 3): Promise<void> {
    const load = (keys: readonly Row[]) =>
      Promise.resolve(
        keys.map((key) => this.rows.get(this.#text(key))).filter((row) => row !== undefined),
      );
    const last = events.at(-1);
    if (last === undefined) return;
    const { partition, position } = last;
    const stretch = new StretchRows(this.#projection, this.#positions.get(partition) ?? 0, load);
    for (let at = 0; at < events.length; at += page)
      await stretch.fold(events.slice(at, at + page).map((event) => this.#step(event)));
    for (const { key, stood, row } of stretch.touched()) {
      if (row === undefined) this.rows.delete(this.#text(key));
      else if (stood === this.rows.has(this.#text(key))) this.rows.set(this.#text(key), row);
      else
        throw new Error(`${this.#text(key)} ${stood ? 'was taken for one that stood' : 'stood'}`);
    }
    this.#positions.set(partition, position);
    for (const { error } of stretch.parkings) throw new Error(`parked: ${error}`);
  }

  /** What a projector knows of jobs is lost: it folds them from their own events when it needs them. */
  restart(): void {
    this.#jobs.clear();
  }

  #step(event: RecordedEvent) {
    const past = this.#past.get(event.streamId) ?? [];
    const known = this.#jobs.get(event.streamId) ?? past.reduce(advance, undefined);
    const job = advance(known, event);
    this.#jobs.set(event.streamId, job);
    this.#past.set(event.streamId, [...past, event]);
    return { event, job };
  }

  #text(key: Row): string {
    return keyText(this.#projection, key);
  }
}
