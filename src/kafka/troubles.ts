import { isLedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';

/** What keeps partitions from being published: in the log once when it begins, and where status looks. */
export class Troubles {
  readonly #store: Store;
  readonly #topic: string;
  readonly #told = new Map<number, string>();

  constructor(store: Store, topic: string) {
    this.#store = store;
    this.#topic = topic;
  }

  async tell(partition: number, error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    if (this.#told.get(partition) === text) return;
    this.#told.set(partition, text);
    const { log } = this.#store;
    const fields = { code: 'RELAY', partition, error };
    // What the ledger refuses needs somebody to act; a broker that is away comes back by itself.
    if (isLedgerError(error) && error.answer !== 'unreachable')
      log.error(fields, `not published: ${text}`);
    else log.warn(fields, 'publishing failed; trying again');
    await this.#write(partition, text);
  }

  async end(partition: number): Promise<void> {
    if (!this.#told.delete(partition)) return;
    this.#store.log.info({ code: 'RELAY', partition }, 'publishing goes on');
    await this.#write(partition, null);
  }

  /** Only for who looks: that it cannot be written is no trouble of its own. */
  async #write(partition: number, trouble: string | null): Promise<void> {
    await this.#store.database.pool
      .query({
        text: `update ${this.#store.tables.publications} set trouble = $3
          where scope = $1 and partition = $2`,
        values: [this.#topic, partition, trouble],
      })
      .catch(() => {});
  }
}
