import { createHash, type Hash } from 'node:crypto';
import type { KafkaOptions, TopicDifference, TopicRange, TopicVerification } from '../api-kafka.js';
import { isLedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import { readEpoch, readEpochStart } from './epochs.js';
import { connectKafka } from './kafkajs/connect.js';
import { readTexts } from './read-texts.js';
import type { EventText } from './record.js';
import { readLast } from './restore/open-log.js';
import { PartitionLog } from './restore/partition-log.js';
import { badTopic, type Source } from './restore/source.js';
import { surveyPartition, type EpochRun } from './restore/survey.js';
import { eventDifference } from './same-event.js';
import { kafkaSettings } from './settings.js';

/** Events of one digest. */
const RANGE = 100_000;

/**
 * Compares the topic with the ledger, event by event, reading both once and holding a page of each. What
 * is not published yet is lag; everything else that is not the same is a difference, of which the first
 * in each partition is named.
 */
export async function verifyTopic(store: Store, options: KafkaOptions): Promise<TopicVerification> {
  const settings = kafkaSettings(options);
  const client = await connectKafka(settings, store.log);
  try {
    const { topic } = settings;
    const source = { reader: client.reader(topic), topic };
    const facts = await client.describeTopic(topic);
    if (facts === undefined) throw badTopic(source, 'it is not there');
    if (facts.partitions !== store.partitions)
      throw badTopic(source, `expected ${store.partitions} partitions, got ${facts.partitions}`);
    return await compareAll(store, source);
  } finally {
    await client.close();
  }
}

async function compareAll(store: Store, source: Source): Promise<TopicVerification> {
  const differences: TopicDifference[] = [];
  const ranges: TopicRange[] = [];
  let events = 0;
  let lagEvents = 0;
  for (let partition = 0; partition < store.partitions; partition++) {
    const comparison = new Comparison(store, source, partition);
    const difference = await comparison.run();
    if (difference !== undefined) differences.push(difference);
    ranges.push(...comparison.ranges);
    events += comparison.position;
    const head = (await readLast(store, partition))?.position ?? 0;
    if (difference === undefined) lagEvents += head - comparison.position;
  }
  const { topic } = source;
  return { topic, verified: differences.length === 0, events, lagEvents, ranges, differences };
}

/** Of one partition, up to the first difference. */
class Comparison {
  readonly ranges: TopicRange[] = [];
  /** The last position at which both were the same. */
  position = 0;
  readonly #store: Store;
  readonly #source: Source;
  readonly #partition: number;
  #digest: Hash = createHash('sha256');
  #from = 1;

  constructor(store: Store, source: Source, partition: number) {
    this.#store = store;
    this.#source = source;
    this.#partition = partition;
  }

  async run(): Promise<TopicDifference | undefined> {
    try {
      return await this.#compare();
    } catch (error) {
      if (!isLedgerError(error) || !OF_TOPIC.has(error.code)) throw error;
      return this.#difference(this.position + 1, error.message);
    } finally {
      this.#endRange();
    }
  }

  async #compare(): Promise<TopicDifference | undefined> {
    const surveyed = await surveyPartition(this.#source, this.#partition);
    if (surveyed === undefined) return undefined;
    const { runs, end } = surveyed;
    const log = await this.#open(await this.#known(runs));
    for (let taken; this.position < end.event.position && (taken = await log.next());) {
      const found = await this.#comparePage(taken.events);
      if (found !== undefined) return found;
      const [twice] = log.repeated;
      if (twice !== undefined)
        return this.#difference(twice.position, 'is in the topic more than once');
    }
    return undefined;
  }

  /** What the ledger has left with an epoch of which nothing is published yet counts no more. */
  async #known(runs: readonly EpochRun[]): Promise<readonly EpochRun[]> {
    const epoch = await readEpoch(this.#store);
    if (runs.at(-1)!.epoch >= epoch) return runs;
    const start = await readEpochStart(this.#store, epoch, this.#partition);
    return [...runs, { epoch, start, offset: Infinity }];
  }

  async #open(runs: readonly EpochRun[]): Promise<PartitionLog> {
    const { first } = await this.#source.reader.bounds(this.#partition);
    const standing = { offset: first, last: undefined };
    const { ledgerId } = this.#store;
    const readOwn = async (from: number, count: number) =>
      (await readTexts(this.#store, this.#partition, from, count)).events;
    return new PartitionLog(this.#source, ledgerId, this.#partition, runs, standing, readOwn);
  }

  async #comparePage(events: readonly EventText[]): Promise<TopicDifference | undefined> {
    if (events.length === 0) return undefined;
    const from = events[0]!.position;
    const own = (await readTexts(this.#store, this.#partition, from, events.length)).events;
    for (const [index, event] of events.entries()) {
      const known = own[index];
      if (known === undefined)
        return this.#difference(event.position, 'is in the topic and not in the ledger');
      const difference = eventDifference(known, event);
      if (difference !== undefined)
        return this.#difference(event.position, `differs in ${difference}`);
      this.#add(event);
    }
    return undefined;
  }

  #add(event: EventText): void {
    this.position = event.position;
    this.#digest.update(
      `${event.position}\t${event.streamId}\t${event.version}\t${event.type}\t${event.schemaVersion}\t${event.recordedAt}\t${event.kind}\t${event.queue}\t${event.meta}\t${event.data}\n`,
    );
    if (event.position % RANGE === 0) this.#endRange();
  }

  #endRange(): void {
    if (this.position < this.#from) return;
    const digest = this.#digest.digest('hex');
    const { position: to } = this;
    this.ranges.push({ partition: this.#partition, from: this.#from, to, digest });
    this.#digest = createHash('sha256');
    this.#from = to + 1;
  }

  #difference(position: number, text: string): TopicDifference {
    return { partition: this.#partition, position, text };
  }
}

/** Refusals that say something of the topic, not of the way there. */
const OF_TOPIC: ReadonlySet<string> = new Set(['BAD_TOPIC', 'OTHER_LEDGER', 'TOPIC_DIVERGED']);
