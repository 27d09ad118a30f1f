import { LedgerError } from '../../errors.js';
import type { KafkaRecord, Page } from '../client.js';
import type { EventText, Published } from '../record.js';
import { eventDifference } from '../same-event.js';
import { badTopic, diverged, publishedOf, type Source } from './source.js';
import { limitsOf, type EpochRun } from './survey.js';

/** Bytes asked for at a time: what is in memory of each partition, twice, and one transaction. */
const PAGE_BYTES = 2 * 1024 * 1024;

/** Where the reader stands: at the beginning, or behind this event, from this offset on. */
export interface Standing {
  readonly offset: number;
  readonly last: EventText | undefined;
}

/** The ledger's own events of these positions, to hold those against that come once more. */
export type ReadOwn = (from: number, count: number) => Promise<readonly EventText[]>;

/** Events that are new, in order, without a gap, and the epochs that begin among them. */
export interface Taken {
  readonly events: readonly EventText[];
  readonly begun: readonly EpochRun[];
}

interface Taking extends Taken {
  readonly events: EventText[];
  readonly begun: EpochRun[];
  readonly again: EventText[];
}

/**
 * A partition of the topic as the log that it stands for: what was left behind with an older epoch is
 * passed over, everything else follows on what was taken before, dense and in order, or is refused with
 * its place. The next page is fetched while one is worked on.
 */
export class PartitionLog {
  /** Events that the topic has once more within an epoch: the same, or it would be refused. */
  readonly repeated: EventText[] = [];
  readonly #source: Source;
  readonly #ledgerId: string;
  readonly #partition: number;
  readonly #limits: ReadonlyMap<number, number>;
  readonly #readOwn: ReadOwn;
  #last: EventText | undefined;
  #isLastSeen: boolean;
  #offset: number;
  #epoch = 0;
  /** The highest position of this epoch so far. */
  #highest = 0;
  #ahead: Promise<Page> | undefined;

  constructor(
    source: Source,
    ledgerId: string,
    partition: number,
    runs: readonly EpochRun[],
    { offset, last }: Standing,
    readOwn: ReadOwn,
  ) {
    this.#source = source;
    this.#ledgerId = ledgerId;
    this.#partition = partition;
    this.#limits = limitsOf(runs);
    this.#readOwn = readOwn;
    this.#offset = offset;
    this.#last = last;
    this.#isLastSeen = last === undefined;
  }

  /** The last position that was taken. */
  get position(): number {
    return this.#last?.position ?? 0;
  }

  /** Whether the ledger's own last event was found in the topic, so that what is taken follows on it. */
  get isAnchored(): boolean {
    return this.#isLastSeen;
  }

  /** What the next page has; nothing if there is no more for `waitMs`. Undefined once the end is reached. */
  async next(waitMs = 0): Promise<Taken | undefined> {
    const ahead = this.#ahead ?? this.#fetch(waitMs);
    this.#ahead = undefined;
    const { records, next } = await ahead;
    if (next === this.#offset) return this.#end();
    this.#offset = next;
    if (records.length > 0) this.#ahead = this.#fetch(waitMs);
    const page: Taking = { events: [], begun: [], again: [] };
    for (const record of records) this.#take(record, page);
    if (page.again.length > 0) await this.#compareOwn(page.again);
    return page;
  }

  #end(): undefined {
    if (!this.#isLastSeen) throw this.#diverged('is not in the topic');
    return undefined;
  }

  #fetch(waitMs: number): Promise<Page> {
    const options = { maxBytes: PAGE_BYTES, waitMs };
    const page = this.#source.reader.read(this.#partition, this.#offset, options);
    // It is asked for before anybody waits for it; who does is told.
    page.catch(() => {});
    return page;
  }

  #take(record: KafkaRecord, { events, begun, again }: Taking): void {
    const published = publishedOf(this.#source, this.#partition, record);
    const { origin, event } = published;
    this.#check(record, published);
    if (origin.epoch > this.#epoch) {
      this.#epoch = origin.epoch;
      this.#highest = 0;
      begun.push({ epoch: origin.epoch, start: event.position, offset: record.offset });
    }
    if (event.position > (this.#limits.get(origin.epoch) ?? Infinity)) return;
    if (event.position <= this.#highest) this.repeated.push(event);
    this.#highest = Math.max(this.#highest, event.position);
    if (event.position <= this.position) return this.#takeAgain(event, events, again);
    if (!this.#isLastSeen) throw this.#diverged('is not in the topic');
    if (event.position > this.position + 1)
      throw badTopic(
        this.#source,
        `a gap in partition ${this.#partition}: expected position ${this.position + 1}, found ${event.position} at offset ${record.offset}`,
      );
    this.#last = event;
    events.push(event);
  }

  #check({ offset }: KafkaRecord, { origin, event }: Published): void {
    const place = `event ${this.#partition}/${event.position} at offset ${offset}`;
    if (origin.ledgerId !== this.#ledgerId)
      throw new LedgerError(
        'OTHER_LEDGER',
        `topic ${this.#source.topic}: ${place} is one of ledger ${origin.ledgerId}, not of ${this.#ledgerId}`,
      );
    if (origin.epoch < this.#epoch)
      throw badTopic(
        this.#source,
        `${place} is of epoch ${origin.epoch}, behind events of epoch ${this.#epoch}`,
      );
  }

  /** A record of a position that was taken: the same event once more, or another one. */
  #takeAgain(event: EventText, events: readonly EventText[], again: EventText[]): void {
    const known =
      event.position === this.position
        ? this.#last
        : events[event.position - (events[0]?.position ?? Infinity)];
    if (known !== undefined) this.#compare(known, event);
    // What lies before the last one is told by that: no log goes another way and comes back.
    else if (this.#isLastSeen) again.push(event);
    if (known === this.#last) this.#isLastSeen = true;
  }

  #compare(known: EventText, event: EventText): void {
    const difference = eventDifference(known, event);
    if (difference !== undefined) throw this.#diverged(`differs in ${difference}`, known);
  }

  /** Rare: an epoch that begins before the end of what was taken. */
  async #compareOwn(again: readonly EventText[]): Promise<void> {
    const from = Math.min(...again.map(({ position }) => position));
    const to = Math.max(...again.map(({ position }) => position));
    const own = await this.#readOwn(from, to - from + 1);
    for (const event of again) this.#compare(own[event.position - from]!, event);
  }

  #diverged(what: string, event = this.#last): LedgerError {
    return diverged(this.#source, `${this.#partition}/${event?.position}`, what);
  }
}
