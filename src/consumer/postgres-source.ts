import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { ConsumeFrom } from '../api-consumer.js';
import { snapshot } from '../database.js';
import { readEpoch, readEpochStart } from '../kafka/epochs.js';
import { readTexts } from '../kafka/read-texts.js';
import { instantOf } from '../ledger/check.js';
import { readHeads } from '../ledger/heads.js';
import { Pacing } from '../ledger/pacing.js';
import { Shares } from '../ledger/shares.js';
import type { Store } from '../ledger/store.js';
import { Listener } from '../ledger/wake.js';
import { Loop } from '../service.js';
import type { Group } from './group.js';
import { positionsBefore } from './positions-before.js';
import type { Feed, Item, Point, Reader, Source } from './source.js';

/** Events read at a time. */
const PAGE = 2_000;
/** How long a member that says nothing keeps its partitions, in milliseconds. */
const LEASE_MS = 15_000;
/** From one renewal of the leases to the next. */
const RENEW_MS = LEASE_MS / 5;

/** The ledger's own tables, whose partitions the members of a group share out by leases. */
export class PostgresSource implements Source {
  readonly #store: Store;
  readonly #group: Group;
  readonly #pacing = new Pacing();
  readonly #listener: Listener;
  #loops: readonly Loop[] = [];
  #shares: Shares | undefined;
  #unsubscribe = () => {};

  constructor(store: Store, group: Group) {
    this.#store = store;
    this.#group = group;
    this.#listener = new Listener(store);
  }

  get ledgerId(): string {
    return this.#store.ledgerId;
  }

  open(): Promise<number> {
    return Promise.resolve(this.#store.partitions);
  }

  start(reader: Reader): Promise<void> {
    const { database, tables, name: scope } = this.#group;
    const { members, shares } = tables;
    const place = { pool: database.pool, members, shares, scope, leaseMs: LEASE_MS };
    const owner = { id: randomUUID(), host: hostname(), pid: process.pid };
    this.#shares = new Shares({ ...place, partitions: this.#store.partitions }, owner);
    const failed = (error: unknown) => reader.failed(error);
    const renewing = new Loop(() => this.#renew(reader), failed);
    const looking = new Loop(() => this.#look(reader), failed);
    this.#loops = [renewing, looking];
    this.#unsubscribe = this.#store.signals.subscribe(({ what }) => {
      if (what !== 'relays' && this.#pacing.hear()) looking.wake();
    });
    this.#listener.start();
    for (const loop of this.#loops) loop.start();
    return Promise.resolve();
  }

  feed(partition: number): Feed {
    return new TableFeed(this.#store, partition);
  }

  async pointsAt(from: ConsumeFrom): Promise<ReadonlyMap<number, Point>> {
    const epoch = await readEpoch(this.#store);
    const positions = await this.#positionsAt(from);
    const all = Array.from({ length: this.#store.partitions }, (_, partition) => {
      const position = positions.get(partition) ?? 0;
      return [
        partition,
        { epoch: position === 0 ? null : epoch, position, resumeAt: null },
      ] as const;
    });
    return new Map(all);
  }

  heads(): Promise<ReadonlyMap<number, number>> {
    return readHeads(this.#store);
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await this.#listener.stop();
  }

  /** The partitions are free for others now: whoever was to work on them has ended. */
  async close(): Promise<void> {
    await this.#shares?.drop().catch(() => {});
  }

  async #positionsAt(from: ConsumeFrom): Promise<ReadonlyMap<number, number>> {
    if (from === 'start') return new Map();
    if (from === 'end') return this.heads();
    if ('positions' in from)
      return new Map(Object.entries(from.positions).map(([key, value]) => [Number(key), value]));
    const at = instantOf('from.at', from.at);
    return snapshot(this.#store.database, (query) => positionsBefore(this.#store, query, at));
  }

  async #renew(reader: Reader): Promise<number> {
    await reader.hold(await this.#shares!.renew());
    return RENEW_MS;
  }

  async #look(reader: Reader): Promise<number> {
    this.#pacing.begin();
    const heads = await readHeads(this.#store);
    for (const [partition, head] of heads) reader.wake(partition, head);
    return this.#pacing.rest(0, false);
  }
}

/** Reads the next page while the one before is at work. */
class TableFeed implements Feed {
  readonly #store: Store;
  readonly #partition: number;
  #ahead: { readonly behind: number; readonly page: Promise<readonly Item[]> } | undefined;

  constructor(store: Store, partition: number) {
    this.#store = store;
    this.#partition = partition;
  }

  async read({ position, epoch }: Point): Promise<readonly Item[]> {
    const ahead = this.#ahead;
    this.#ahead = undefined;
    const items = await (ahead?.behind === position ? ahead.page : this.#page(position));
    if (items.length === PAGE) this.#readAhead(items.at(-1)!.event.position);
    const current = items[0]?.origin.epoch ?? 0;
    return epoch === null || current <= epoch ? items : this.#withBeginning(items, position);
  }

  /** A new epoch may begin before what was read: its first event is told, as a topic would tell it. */
  async #withBeginning(items: readonly Item[], behind: number): Promise<readonly Item[]> {
    const { origin } = items[0]!;
    const start = await readEpochStart(this.#store, origin.epoch, this.#partition);
    if (start > behind) return items;
    const { events } = await readTexts(this.#store, this.#partition, start, 1);
    return [...events.map((event) => ({ origin, event })), ...items];
  }

  applied(): void {
    // What is read next is asked for by position.
  }

  close(): void {
    this.#ahead = undefined;
  }

  #readAhead(behind: number): void {
    const page = this.#page(behind);
    // It is heard when the page is asked for, if ever.
    page.catch(() => {});
    this.#ahead = { behind, page };
  }

  async #page(behind: number): Promise<readonly Item[]> {
    const { events, epoch } = await readTexts(this.#store, this.#partition, behind + 1, PAGE);
    if (epoch === undefined) return [];
    const origin = { ledgerId: this.#store.ledgerId, epoch };
    return events.map((event) => ({ origin, event }));
  }
}
