import type { Stretch } from '../ledger/claim/stretches.js';
import { straysStatement } from '../ledger/claim/strays.js';
import type { Store } from '../ledger/store.js';
import type { Line } from './lines.js';

/** A line is looked at again for strays after this time, in milliseconds. */
const AGAIN_MS = 5_000;

/** What to look at when its time has come. */
type Look = () => readonly Stretch[];

/**
 * Tells of strays, dispatch rows that no claim can take. They are looked for where a claim found
 * nothing though something was said to be there, now and then; each count is told once.
 */
export class StrayWatch {
  readonly #store: Store;
  readonly #lines = new Map<string, { readonly at: number; readonly rows: number }>();

  /** Looks that came too early: nobody may come by these lines again. */
  readonly #owed = new Map<string, { readonly line: Line; readonly stretches: Look }>();

  constructor(store: Store) {
    this.#store = store;
  }

  async look(line: Line, stretches: Look): Promise<void> {
    const key = `${line.partition}/${line.queue}`;
    const last = this.#lines.get(key);
    const now = performance.now();
    const isEarly = last !== undefined && now - last.at < AGAIN_MS;
    if (isEarly) return void this.#owed.set(key, { line, stretches });
    this.#owed.delete(key);
    this.#lines.set(key, { at: now, rows: last?.rows ?? 0 });
    const rows = await this.#count(line, stretches());
    this.#lines.set(key, { at: now, rows });
    if (rows === 0 || rows === last?.rows) return;
    this.#store.log.warn(
      { code: 'STRAY_ROW', ...line, rows },
      'dispatch rows without a job, or behind its events, passed over',
    );
  }

  /** Looks where it was too early to. */
  async again(): Promise<void> {
    for (const { line, stretches } of [...this.#owed.values()]) await this.look(line, stretches);
  }

  async #count({ partition, queue }: Line, stretches: readonly Stretch[]): Promise<number> {
    const statement = straysStatement(this.#store, partition, queue, stretches);
    const result = await this.#store.database.pool.query<{ rows: number }>(statement);
    return result.rows[0]!.rows;
  }
}
