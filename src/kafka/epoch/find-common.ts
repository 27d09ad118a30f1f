import type { Store } from '../../ledger/store.js';
import { readTexts } from '../read-texts.js';
import type { EventText } from '../record.js';
import { publishedOf, type Source } from '../restore/source.js';
import { limitsOf, type SurveyedPartition } from '../restore/survey.js';
import { eventDifference } from '../same-event.js';

/** How far back the first look goes; each further one goes eight times as far. */
const FIRST_STEP = 256;

/**
 * The last position at which the topic has the same event as the ledger; 0 if there is none. The topic
 * is walked back in growing steps, since what is lost is at its end.
 */
export async function findCommon(
  store: Store,
  source: Source,
  partition: number,
  surveyed: SurveyedPartition,
): Promise<number> {
  const { first, end } = await source.reader.bounds(partition);
  for (let step = FIRST_STEP, upTo = end; upTo > first; step *= 8) {
    const from = Math.max(first, end - step);
    const found = await commonWithin(store, source, partition, surveyed, { from, upTo });
    if (found > 0) return found;
    upTo = from;
  }
  return 0;
}

async function commonWithin(
  store: Store,
  source: Source,
  partition: number,
  { runs }: SurveyedPartition,
  { from, upTo }: { readonly from: number; readonly upTo: number },
): Promise<number> {
  const limits = limitsOf(runs);
  let common = 0;
  for (let offset = from; offset < upTo;) {
    const { records, next } = await source.reader.read(partition, offset);
    const events = records
      .filter((record) => record.offset < upTo)
      .map((record) => publishedOf(source, partition, record))
      .filter(({ origin, event }) => event.position <= (limits.get(origin.epoch) ?? Infinity))
      .map(({ event }) => event);
    common = Math.max(common, await lastSame(store, partition, events));
    if (next === offset) break;
    offset = next;
  }
  return common;
}

async function lastSame(
  store: Store,
  partition: number,
  events: readonly EventText[],
): Promise<number> {
  if (events.length === 0) return 0;
  const from = Math.min(...events.map(({ position }) => position));
  const to = Math.max(...events.map(({ position }) => position));
  const own = (await readTexts(store, partition, from, to - from + 1)).events;
  const isSame = (event: EventText) => {
    const known = own[event.position - from];
    return known !== undefined && eventDifference(known, event) === undefined;
  };
  return events.findLast(isSame)?.position ?? 0;
}
