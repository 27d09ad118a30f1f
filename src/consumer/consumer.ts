/**
 * Reads a ledger's events for a user's own service, from Postgres or from Kafka alike. The truth is
 * one row for each group and partition in the consumer's own database, locked, compared and moved in
 * the transaction of the handler's effects: each event's effect once, whatever the source gives twice,
 * whoever else thinks that the partition is his. It never trusts a source's own offset, and never
 * applies an event before the one in front of it is applied or parked.
 */
import type {
  ConsumeFrom,
  ConsumerPosition,
  EpochReset,
  EventConsumer,
  ParkedEvent,
  ParkedFilter,
  Unparked,
} from '../api-consumer.js';
import { LedgerError } from '../errors.js';
import { inTurn, Loop } from '../service.js';
import { asStoreError } from '../sql-errors.js';
import type { BackFill } from './back-fill.js';
import type { Group } from './group.js';
import { moveTo, resetEpochs, type Moving } from './move.js';
import { checkFrom } from './options.js';
import { listParked } from './parked.js';
import { PartitionReader } from './partition-reader.js';
import { claimLedger, insertPlaces, missingPlaces, readPlaces } from './positions.js';
import type { Reader, Source } from './source.js';
import { statusOf } from './status.js';
import { unparkAll } from './unpark.js';

/** From one look at what others have moved to the next, in milliseconds. */
const HEED_MS = 1_000;
/** How long `stop` waits for the event in hand before its signal aborts, in milliseconds. */
const STOP_MS = 10_000;

/** What a consumer is made of. */
export interface ConsumerParts {
  readonly group: Group;
  readonly source: Source;
  readonly from: ConsumeFrom;
  readonly backFill: BackFill;
  /** Gives back what was opened for it. */
  readonly close: () => Promise<void>;
}

export class Consumer implements EventConsumer {
  readonly #parts: ConsumerParts;
  readonly #readers = new Map<number, { reader: PartitionReader; loop: Loop }>();
  readonly #heeding: Loop;
  readonly #prepare = inTurn(() =>
    this.#prepareOnce().catch((error: unknown) => {
      throw asStoreError(error);
    }),
  );
  #ledgerId: string | undefined;
  #partitions = 0;
  #isStarted = false;
  #closing: Promise<void> | undefined;

  constructor(parts: ConsumerParts) {
    this.#parts = parts;
    this.#heeding = new Loop(
      () => this.#heed(),
      (error) => this.#tell(error),
    );
  }

  async start(): Promise<void> {
    if (this.#isStarted) return;
    await this.#prepare();
    this.#isStarted = true;
    const reader: Reader = {
      hold: (partitions) => this.#hold(partitions),
      wake: (partition, head) => this.#wake(partition, head),
      failed: (error) => this.#tell(error),
    };
    await this.#parts.source.start(reader);
    this.#heeding.start();
  }

  async stop(): Promise<void> {
    this.#closing ??= this.#stopOnce();
    await this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async status(): Promise<readonly ConsumerPosition[]> {
    await this.#prepare();
    return statusOf(this.#parts.group, this.#parts.source);
  }

  async seek(to: ConsumeFrom): Promise<void> {
    checkFrom('to', to);
    await this.#prepare();
    await moveTo(this.#moving(), to);
    await this.#heed();
  }

  async parked(filter: ParkedFilter = {}): Promise<readonly ParkedEvent[]> {
    await this.#prepare();
    return listParked(this.#parts.group, filter);
  }

  async unpark(filter: ParkedFilter = {}): Promise<Unparked> {
    await this.#prepare();
    return unparkAll(this.#parts.group, filter);
  }

  async reset(): Promise<readonly EpochReset[]> {
    await this.#prepare();
    const done = await resetEpochs(this.#moving());
    await this.#heed();
    return done;
  }

  async #prepareOnce(): Promise<void> {
    if (this.#closing !== undefined)
      throw new LedgerError('LEDGER_CLOSED', 'the consumer is closed');
    if (this.#partitions > 0) return;
    const { group, source, from } = this.#parts;
    const partitions = await source.open();
    if (source.ledgerId !== undefined) await this.#checkLedger(source.ledgerId);
    const missing = await missingPlaces(group, partitions);
    if (missing.length > 0) {
      const points = await source.pointsAt(from);
      await insertPlaces(group, new Map(missing.map((one) => [one, points.get(one)!])));
    }
    this.#partitions = partitions;
  }

  async #checkLedger(named: string): Promise<void> {
    const ledgerId = await this.#ledgerOf(named);
    if (ledgerId === named) return;
    const { name } = this.#parts.group;
    throw new LedgerError(
      'OTHER_LEDGER',
      `group: ${JSON.stringify(name)} has read ledger ${ledgerId}, and this is ledger ${named}; take another group`,
    );
  }

  /** The group's ledger; the first one that is named becomes it. */
  async #ledgerOf(named: string): Promise<string> {
    return (this.#ledgerId ??= (await claimLedger(this.#parts.group, named)) ?? named);
  }

  #moving(): Moving {
    return { group: this.#parts.group, source: this.#parts.source, partitions: this.#partitions };
  }

  async #hold(ours: ReadonlySet<number>): Promise<void> {
    const gone = [...this.#readers.keys()].filter((partition) => !ours.has(partition));
    await Promise.all(gone.map((partition) => this.#release(partition)));
    if (!this.#isStarted) return;
    for (const partition of ours) if (!this.#readers.has(partition)) this.#take(partition);
  }

  #take(partition: number): void {
    const { group, source, backFill } = this.#parts;
    const reader = new PartitionReader({
      ...{ group, partition, backFill, feed: source.feed(partition) },
      ledgerId: (named) => this.#ledgerOf(named),
    });
    const pass = () => group.slots.run(() => reader.pass());
    const loop = new Loop(pass, (error) => this.#tell(error, partition));
    this.#readers.set(partition, { reader, loop });
    loop.start();
  }

  async #release(partition: number): Promise<void> {
    const held = this.#readers.get(partition);
    if (held === undefined) return;
    this.#readers.delete(partition);
    held.reader.end();
    const patience = setTimeout(() => held.reader.abort(), STOP_MS);
    await held.loop.stop();
    clearTimeout(patience);
    held.reader.close();
  }

  #wake(partition: number, head = Infinity): void {
    const held = this.#readers.get(partition);
    if (held !== undefined && head > held.reader.position) held.loop.wake();
  }

  /** Positions may be moved by hand, here or by another process. */
  async #heed(): Promise<number> {
    if (this.#readers.size === 0) return HEED_MS;
    const { group } = this.#parts;
    for (const place of await readPlaces(group.database.pool, group)) {
      const held = this.#readers.get(place.partition);
      if (held?.reader.heed(place) === true) held.loop.wake();
    }
    return HEED_MS;
  }

  async #stopOnce(): Promise<void> {
    const { source, close } = this.#parts;
    await Promise.all([this.#heeding.stop(), source.stop()]);
    this.#isStarted = false;
    await Promise.all([...this.#readers.keys()].map((partition) => this.#release(partition)));
    await source.close();
    await close();
  }

  #tell(error: unknown, partition?: number): void {
    const { log, name } = this.#parts.group;
    log.warn({ code: 'CONSUMER', group: name, partition, error }, 'consuming failed; trying again');
  }
}
