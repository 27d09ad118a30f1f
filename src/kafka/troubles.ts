import { isLedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';

/** What keeps partitions from being published: in the log once when it begins, and where status looks. */
export class Troubles {
  readonly #store: Store;
  readonly #topic: string;
  readonly #owner: string;
  /** What the table says by us; null for nothing. A predecessor's word is not known, and stands there. */
  readonly #told = new Map<number, string | null>();

  constructor(store: Store, topic: string, owner: string) {
    this.#store = store;
    this.#topic = topic;
    this.#owner = owner;
  }

  async tell(partition: number, error: unknown): Promise<void> {
    const text = error instanceof Error ? error.message : String(error);
    if (this.#told.get(partition) === text) return;
    const { log } = this.#store;
    const fields = { code: 'RELAY', partition, error };
    // What the ledger refuses needs somebody to act; a broker that is away comes back by itself.
    if (isLedgerError(error) && error.answer !== 'unreachable')
      log.error(fields, `not published: ${text}`);
    else log.warn(fields, 'publishing failed; trying again');
    await this.#write(partition, text);
  }

  /** Publishing works: takes back what we told, and what somebody told who had the partition before. */
  async end(partition: number): Promise<void> {
    const told = this.#told.get(partition);
    if (told === null) return;
    if (told !== undefined)
      this.#store.log.info({ code: 'RELAY', partition }, 'publishing goes on');
    await this.#write(partition, null);
  }

  /** The partition is somebody else's from now on. */
  forget(partition: number): void {
    this.#told.delete(partition);
  }

  /**
   * Only for who looks: that it cannot be written is no trouble of its own, and is tried again with the
   * next news. Who has lost the partition says nothing any more: its owner would not take it back.
   */
  async #write(partition: number, trouble: string | null): Promise<void> {
    this.#told.set(partition, trouble);
    await this.#store.database.pool
      .query({
        text: `update ${this.#store.tables.publications} set trouble = $3
          where scope = $1 and partition = $2 and owner = $4::uuid and trouble is distinct from $3`,
        values: [this.#topic, partition, trouble, this.#owner],
      })
      .catch(() => trouble === null && this.#told.delete(partition));
  }
}
