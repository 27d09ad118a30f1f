import { LedgerError } from '../errors.js';
import type { KafkaRecord, Subscription, TopicReader } from '../kafka/client.js';
import { fromRecord } from '../kafka/record.js';
import { locate } from './locate.js';
import type { Feed, Item, Point } from './source.js';

/** Records given at a time. */
const PAGE = 2_000;
/** Records in hand above which no more are asked for, and below which they are again. */
const MUCH = 4_000;
const LITTLE = 2_000;

/** What the feeds of a process share. */
export interface FeedParts {
  readonly reader: TopicReader;
  /** The membership of now; undefined while there is none. */
  readonly subscription: () => Subscription | undefined;
  /** Events are done up to an offset. */
  readonly done: (partition: number, offset: number) => void;
}

/** A partition of the topic, always read from where our own position says. */
export class KafkaFeed implements Feed {
  readonly #parts: FeedParts;
  readonly #partition: number;
  /** What has come, in order; a text says why a record is no event of a ledger. */
  #records: (Item | string)[] = [];
  /** How many of them have been given already. */
  #given = 0;
  #isPaused = false;
  /** The point behind which the records in hand begin; undefined if they come from nowhere known. */
  #behind: Pick<Point, 'epoch' | 'position'> | undefined;

  constructor(parts: FeedParts, partition: number) {
    this.#parts = parts;
    this.#partition = partition;
  }

  async read(behind: Point): Promise<readonly Item[]> {
    if (this.#behind === undefined || !isSame(this.#behind, behind)) {
      await this.#goTo(behind);
      return [];
    }
    const items = this.#take();
    const last = items.at(-1);
    if (last !== undefined)
      this.#behind = later(this.#behind, {
        epoch: last.origin.epoch,
        position: last.event.position,
      });
    return items;
  }

  /** Records have come. */
  push(records: readonly KafkaRecord[]): void {
    if (this.#behind === undefined || records.length === 0) return;
    // Read at once: a record as it came holds a buffer for each of its headers.
    for (const record of records) this.#records.push(toItem(record));
    if (this.#inHand() < MUCH || this.#isPaused) return;
    this.#isPaused = true;
    this.#parts.subscription()?.pause(this.#partition);
  }

  applied({ resumeAt }: Point): void {
    if (resumeAt !== null) this.#parts.done(this.#partition, resumeAt);
  }

  /** Where it reads is open again: another membership has begun, or it is no more ours. */
  close(): void {
    this.#behind = undefined;
    this.#records = [];
    this.#given = 0;
  }

  async #goTo(behind: Point): Promise<void> {
    this.close();
    const subscription = this.#parts.subscription();
    subscription?.pause(this.#partition);
    const offset = await locate(this.#parts.reader, this.#partition, behind);
    // Another one has begun meanwhile: whoever tells of it has us asked again.
    if (subscription === undefined || this.#parts.subscription() !== subscription) return;
    this.#behind = behind;
    this.#isPaused = false;
    subscription.readFrom(this.#partition, offset);
  }

  #take(): readonly Item[] {
    const items: Item[] = [];
    while (this.#inHand() > 0 && items.length < PAGE) {
      const item = this.#records[this.#given]!;
      if (typeof item === 'string') {
        if (items.length > 0) break;
        return this.#refuse(item);
      }
      items.push(item);
      this.#given += 1;
    }
    // Moving the rest to the front costs little if it is less than what is dropped.
    if (this.#given > this.#inHand()) {
      this.#records = this.#records.slice(this.#given);
      this.#given = 0;
    }
    this.#askForMore();
    return items;
  }

  #inHand(): number {
    return this.#records.length - this.#given;
  }

  #askForMore(): void {
    if (!this.#isPaused || this.#inHand() > LITTLE) return;
    this.#isPaused = false;
    this.#parts.subscription()?.resume(this.#partition);
  }

  #refuse(problem: string): never {
    throw new LedgerError('BAD_TOPIC', `partition ${this.#partition}: ${problem}`);
  }
}

function toItem(record: KafkaRecord): Item | string {
  const published = fromRecord(record);
  if (typeof published === 'string') return published;
  const { origin, event } = published;
  return { origin, event, resumeAt: record.offset + 1 };
}

type Behind = Pick<Point, 'epoch' | 'position'>;

function isSame(one: Behind, other: Behind): boolean {
  return one.epoch === other.epoch && one.position === other.position;
}

function later(one: Behind, other: Behind): Behind {
  const epochs = (other.epoch ?? 0) - (one.epoch ?? 0);
  return epochs > 0 || (epochs === 0 && other.position > one.position) ? other : one;
}
