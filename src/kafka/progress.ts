import type { Store } from '../ledger/store.js';
import type { PartitionRelay } from './partition-relay.js';

/** How far partitions are published, written down for who asks; nothing is decided by it. */
export class Progress {
  readonly #store: Store;
  readonly #topic: string;
  readonly #owner: string;
  readonly #noted = new Map<number, PartitionRelay>();

  constructor(store: Store, topic: string, owner: string) {
    this.#store = store;
    this.#topic = topic;
    this.#owner = owner;
  }

  note(relay: PartitionRelay): void {
    this.#noted.set(relay.partition, relay);
  }

  /** One statement for all that has changed; none if nothing has. What fails is left for the next time. */
  async write(): Promise<void> {
    const noted = [...this.#noted.values()];
    if (noted.length === 0) return;
    this.#noted.clear();
    try {
      await this.#update(noted);
    } catch (error) {
      for (const relay of noted) if (!this.#noted.has(relay.partition)) this.note(relay);
      throw error;
    }
  }

  async #update(noted: readonly PartitionRelay[]): Promise<void> {
    await this.#store.database.pool.query({
      text: `update ${this.#store.tables.publications} p
        set position = made.position, takeovers = p.takeovers + made.takeovers, published_at = clock_timestamp()
        from unnest($3::int[], $4::bigint[], $5::int[]) made(partition, position, takeovers)
        where scope = $1 and owner = $2::uuid and p.partition = made.partition
          and (p.position <> made.position or made.takeovers > 0)`,
      values: [
        this.#topic,
        this.#owner,
        noted.map(({ partition }) => partition),
        noted.map(({ position }) => position),
        noted.map((relay) => relay.takeTakeovers()),
      ],
    });
  }
}
