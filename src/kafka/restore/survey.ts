import { LedgerError } from '../../errors.js';
import type { KafkaRecord } from '../client.js';
import type { EventText, Published } from '../record.js';
import { lastRecord } from '../tail.js';
import { badTopic, publishedOf, type Source } from './source.js';

/** Records of one epoch, one behind the other. */
export interface EpochRun {
  readonly epoch: number;
  /** The position with which it begins: from there on, what is of older epochs counts no more. */
  readonly start: number;
  /** The offset of that record. */
  readonly offset: number;
}

/** A partition of the topic. */
export interface SurveyedPartition {
  /** In their order; none if there are no records. */
  readonly runs: readonly EpochRun[];
  readonly last: EventText | undefined;
}

/** Whose topic it is, and how far it has come in each partition. */
export interface Survey {
  readonly ledgerId: string;
  /** The newest epoch of any partition. */
  readonly epoch: number;
  readonly partitions: readonly SurveyedPartition[];
}

/**
 * Looks at the ends of all partitions, and where epochs begin in between, without reading the topic.
 * Throws `BAD_TOPIC` if it has no events, or those of several ledgers.
 */
export async function surveyTopic(source: Source, partitions: number): Promise<Survey> {
  const found: (Surveyed | undefined)[] = [];
  for (let partition = 0; partition < partitions; partition++)
    found.push(await surveyPartition(source, partition));
  const ends = found.filter((one) => one !== undefined).map(({ end }) => end.origin);
  const [ledgerId, other] = [...new Set(ends.map((origin) => origin.ledgerId))];
  if (ledgerId === undefined) throw badTopic(source, 'it has no events');
  if (other !== undefined)
    throw badTopic(source, `it has events of two ledgers, ${ledgerId} and ${other}`);
  return {
    ledgerId,
    epoch: Math.max(...ends.map(({ epoch }) => epoch)),
    partitions: found.map((one) => ({ runs: one?.runs ?? [], last: one?.end.event })),
  };
}

/** The last position that counts of each epoch but the newest. */
export function limitsOf(runs: readonly EpochRun[]): ReadonlyMap<number, number> {
  const limits = new Map<number, number>();
  let limit = Infinity;
  for (const { epoch, start } of [...runs].reverse()) {
    limits.set(epoch, limit);
    limit = Math.min(limit, start - 1);
  }
  return limits;
}

/** Throws `OTHER_LEDGER` unless the topic is this ledger's. */
export function checkOwner(source: Source, survey: Survey, ledgerId: string): void {
  if (survey.ledgerId === ledgerId) return;
  throw new LedgerError(
    'OTHER_LEDGER',
    `topic ${source.topic}: it holds the events of ledger ${survey.ledgerId}, and this is ${ledgerId}`,
  );
}

/** A partition that has records: its epochs, and its last event. */
export interface Surveyed {
  readonly runs: readonly EpochRun[];
  readonly end: Published;
}

/** The same of one partition; undefined if it has no records. */
export async function surveyPartition(
  source: Source,
  partition: number,
): Promise<Surveyed | undefined> {
  const lastOne = await lastRecord(source.reader, partition);
  if (lastOne === undefined) return undefined;
  const { first } = await source.reader.bounds(partition);
  const firstOne = (await recordFrom(source, partition, first)) ?? lastOne;
  const end = publishedOf(source, partition, lastOne);
  const runs = [toRun(firstOne, publishedOf(source, partition, firstOne))];
  while (runs.at(-1)!.epoch < end.origin.epoch)
    runs.push(await nextRun(source, partition, runs.at(-1)!, lastOne.offset));
  return { runs, end };
}

function toRun({ offset }: KafkaRecord, { origin, event }: Published): EpochRun {
  return { epoch: origin.epoch, start: event.position, offset };
}

/** Where the next epoch begins: epochs only rise, so that it can be found by halving. */
async function nextRun(
  source: Source,
  partition: number,
  { epoch, offset }: EpochRun,
  last: number,
): Promise<EpochRun> {
  let low = offset;
  let high = last;
  let found: EpochRun | undefined;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const record = (await recordFrom(source, partition, middle + 1))!;
    const published = publishedOf(source, partition, record);
    if (published.origin.epoch > epoch) {
      high = middle;
      found = toRun(record, published);
    } else low = record.offset;
  }
  return found!;
}

/** The first record from an offset on; undefined behind the last. */
async function recordFrom(
  { reader }: Source,
  partition: number,
  from: number,
): Promise<KafkaRecord | undefined> {
  for (let offset = from; ;) {
    const { records, next } = await reader.read(partition, offset, { maxBytes: LITTLE });
    const record = records.find((one) => one.offset >= from);
    if (record !== undefined || next === offset) return record;
    offset = next;
  }
}

/** At least one batch comes, however large it is. */
const LITTLE = 4_096;
