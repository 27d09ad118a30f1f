import { isLedgerError } from '../errors.js';
import { delayAfter } from '../job/retry.js';
import { isNonRetryable } from '../job/handler-errors.js';
import { isRetryableConflict } from '../sql-errors.js';
import type { BackFill } from './back-fill.js';
import { errorText } from './error-text.js';
import type { Group } from './group.js';
import { CommitError, inTransaction } from './in-transaction.js';
import type { Halt } from './judge.js';
import { insertParked } from './parked.js';
import { advance, readPlaces, writeTrouble, type Place } from './positions.js';
import type { Feed, Item } from './source.js';
import { applyStretch, HandlerFailure, placeBehind, type Applied } from './stretch.js';
import { Watch } from './watch.js';

/** Events of a transaction at most. */
const MOST = 2_000;
/** How long to rest when nothing is there: whoever has something new wakes. */
const IDLE_MS = 60_000;

/** What a partition's reader is given. */
export interface ReaderParts {
  readonly group: Group;
  readonly partition: number;
  readonly feed: Feed;
  /** The ledger that the group reads; asked with one that a record names. */
  readonly ledgerId: (named: string) => Promise<string>;
  readonly backFill: BackFill;
}

/**
 * Applies one partition's events in order. What it knows is only a guess, compared with the locked row
 * in each transaction: two readers of one partition cost time, and do no harm.
 */
export class PartitionReader {
  readonly #parts: ReaderParts;
  readonly #watch = new Watch();
  #place: Place | undefined;
  #items: readonly Item[] = [];
  #most = MOST;
  /** The event that fails, and how often it has. */
  #failing: { readonly position: number; attempts: number; notBefore: number } | undefined;
  #halted: Halt | undefined;
  #isEnding = false;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /** The last position that is known to be done. */
  get position(): number {
    return this.#place?.position ?? 0;
  }

  /** Ends after the event in hand. */
  end(): void {
    this.#isEnding = true;
  }

  /** Does not wait for the event in hand either. */
  abort(): void {
    this.#watch.abort('shutdown');
  }

  close(): void {
    this.#parts.feed.close();
  }

  /** Somebody may have moved the position by hand: `round` is another one then. */
  heed({ round }: Place): boolean {
    if (this.#place === undefined || this.#place.round === round) return false;
    this.#forget();
    return true;
  }

  /** Applies a stretch; gives how long to rest, in milliseconds. */
  async pass(): Promise<number> {
    if (this.#isEnding || this.#halted !== undefined) return IDLE_MS;
    const waitMs = (this.#failing?.notBefore ?? 0) - performance.now();
    if (waitMs > 0) return waitMs;
    const { feed } = this.#parts;
    this.#place ??= await this.#readPlace();
    if (this.#items.length === 0) this.#items = await this.#read(feed, this.#place);
    if (this.#items.length === 0) return IDLE_MS;
    try {
      return await this.#settle(await this.#apply(this.#place, this.#items));
    } catch (error) {
      if (error instanceof HandlerFailure) return this.#fail(error);
      if (error instanceof CommitError) return this.#halve(error);
      throw error;
    }
  }

  /** What is no event of a ledger stops the partition, like an event that cannot come next. */
  async #read(feed: Feed, place: Place): Promise<readonly Item[]> {
    try {
      return await feed.read(place);
    } catch (error) {
      if (!isLedgerError(error, 'BAD_TOPIC')) throw error;
      await this.#halt(place, { code: 'BAD_TOPIC', message: error.message });
      return [];
    }
  }

  #forget(): void {
    this.#place = undefined;
    this.#items = [];
    this.#failing = undefined;
    this.#halted = undefined;
    this.#most = MOST;
  }

  async #readPlace(): Promise<Place> {
    const { group, partition } = this.#parts;
    const places = await readPlaces(group.database.pool, group);
    const place = places.find((one) => one.partition === partition);
    if (place === undefined) throw new Error(`group ${group.name} has no partition ${partition}`);
    return place;
  }

  async #apply(expected: Place, items: readonly Item[]): Promise<Applied> {
    const { group, partition, ledgerId } = this.#parts;
    return applyStretch({
      ...{ group, partition, expected, items, most: this.#most, watch: this.#watch },
      ledgerId: await ledgerId(items[0]!.origin.ledgerId),
      attempt: this.#attemptOf(expected.position + 1),
      isEnding: () => this.#isEnding,
    });
  }

  #attemptOf(position: number): number {
    return this.#failing?.position === position ? this.#failing.attempts + 1 : 1;
  }

  async #settle({ place, isMoved, passed, halt }: Applied): Promise<number> {
    if (isMoved) {
      this.#forget();
      return 0;
    }
    if (place !== this.#place) this.#parts.feed.applied(place);
    this.#place = place;
    this.#items = this.#items.slice(passed);
    this.#most = Math.min(MOST, this.#most * 2);
    if (halt !== undefined) await this.#halt(place, halt);
    return 0;
  }

  async #halt(place: Place, halt: Halt): Promise<void> {
    const { group, partition, backFill } = this.#parts;
    const missing = halt.gap && (await backFill(partition, halt.gap, place.epoch));
    if (missing !== undefined && missing.length > 0) {
      this.#items = [...missing, ...this.#items];
      return;
    }
    this.#halted = halt;
    await writeTrouble(group, partition, place, halt);
    group.log.error({ code: halt.code, group: group.name, partition }, halt.message);
  }

  /** What came before it is done first; then it is tried alone, until it is parked. */
  async #fail({ at, item, cause }: HandlerFailure): Promise<number> {
    if (this.#isEnding) return 0;
    const { group } = this.#parts;
    const { position } = item.event;
    this.#most = Math.max(1, at);
    // Somebody was in the way: it says nothing about the event.
    if (isRetryableConflict(cause)) return CONFLICT_MS;
    if (this.#failing?.position !== position)
      this.#failing = { position, attempts: 0, notBefore: 0 };
    const attempts = ++this.#failing.attempts;
    const isHopeless = isNonRetryable(cause) || attempts >= group.maxAttempts;
    if (at > 0) return 0;
    if (isHopeless) return this.#park(item, cause, attempts);
    const delayMs = delayAfter(group.backoff, attempts, { random: Math.random });
    this.#failing.notBefore = performance.now() + delayMs;
    const { name, log } = group;
    const fields = { code: 'EVENT_FAILED', group: name, ...where(item), attempt: attempts };
    log.warn({ ...fields, error: cause, delayMs }, 'an event failed; trying again');
    return delayMs;
  }

  /** Fewer and fewer at a time, until the one at fault is alone. */
  async #halve(error: CommitError): Promise<number> {
    if (this.#most > 1) {
      this.#most = Math.floor(Math.min(this.#most, this.#items.length) / 2) || 1;
      return 0;
    }
    const behind = this.position;
    const item = this.#items.find(({ event }) => event.position > behind);
    if (item === undefined) throw error;
    return this.#fail(new HandlerFailure(0, item, error.cause ?? error));
  }

  async #park(item: Item, cause: unknown, attempts: number): Promise<number> {
    const { group, partition } = this.#parts;
    const parked = await inTransaction(group, partition, async (client, place) => {
      if (place.position !== item.event.position - 1 || place.round !== this.#place?.round)
        return undefined;
      await insertParked(client, group, partition, [
        { event: item.event, error: errorText(cause), attempts },
      ]);
      const to = placeBehind(place, item, 1);
      await advance(client, group, partition, to);
      return to;
    });
    this.#forget();
    if (parked === undefined) return 0;
    const fields = { code: 'EVENT_PARKED', group: group.name, ...where(item), attempts };
    group.log.error({ ...fields, error: cause }, 'an event was parked');
    return 0;
  }
}

/** From a conflict with another transaction to the next try, in milliseconds. */
const CONFLICT_MS = 20;

function where({ event }: Item) {
  const { partition, position, streamId: jobId, type } = event;
  return { partition, position, jobId, type };
}
