import { LedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import type { TopicReader } from './client.js';
import { readEpoch, readEpochStart } from './epochs.js';
import { readTexts } from './read-texts.js';
import { fromRecord, type EventText } from './record.js';
import { lastRecord } from './tail.js';

/**
 * The last event of a partition that the topic has and that is the ledger's too: publishing goes on
 * behind it. Undefined if there is none. Throws, and nothing must be sent, if the topic is not this
 * ledger's, or has what the ledger has not.
 */
export async function findLastPublished(
  store: Store,
  reader: TopicReader,
  topic: string,
  partition: number,
): Promise<EventText | undefined> {
  const record = await lastRecord(reader, partition);
  const epoch = await readEpoch(store);
  // Nothing was ever published there, or the topic was made anew: then all of it is, in this epoch.
  if (record === undefined) return undefined;
  const found = fromRecord(record);
  if (typeof found === 'string') throw new LedgerError('BAD_TOPIC', `topic ${topic}: ${found}`);
  const { origin, event } = found;
  if (origin.ledgerId !== store.ledgerId)
    throw new LedgerError(
      'OTHER_LEDGER',
      `topic ${topic}: it holds the events of ledger ${origin.ledgerId}, and this is ${store.ledgerId}; give this one a topic of its own`,
    );
  if (origin.epoch > epoch)
    throw new LedgerError(
      'TOPIC_DIVERGED',
      `topic ${topic}: it is in epoch ${origin.epoch}, the ledger in ${epoch}: this ledger is an old copy`,
    );
  return origin.epoch < epoch ? behind(store, epoch, partition) : checked(store, topic, event);
}

/** The event before the first one of an epoch, which no record of that epoch can stand for yet. */
async function behind(
  store: Store,
  epoch: number,
  partition: number,
): Promise<EventText | undefined> {
  const start = await readEpochStart(store, epoch, partition);
  if (start === 1) return undefined;
  return (await readTexts(store, partition, start - 1, 1)).events[0];
}

async function checked(store: Store, topic: string, event: EventText): Promise<EventText> {
  const { events } = await readTexts(store, event.partition, event.position, 1);
  checkLast(topic, event, events[0]);
  return event;
}

/**
 * Throws unless the ledger has the event that was published last, told by its content: a server that
 * lost its last commits gives their positions out again.
 */
export function checkLast(topic: string, last: EventText, found: EventText | undefined): void {
  const place = `${last.partition}/${last.position}`;
  if (found?.position !== last.position)
    throw new LedgerError(
      'TOPIC_AHEAD',
      `topic ${topic}: it has event ${place}, which the ledger has lost; stop all writers and run 'jobledger restore --from-kafka --tail'`,
    );
  if (!isSame(last, found))
    throw new LedgerError(
      'TOPIC_DIVERGED',
      `topic ${topic}: event ${place} is another one than the ledger's: the ledger lost events and wrote others; run 'jobledger epoch new' to leave what only the topic has`,
    );
}

function isSame(one: EventText, other: EventText): boolean {
  return (
    one.streamId === other.streamId &&
    one.version === other.version &&
    one.type === other.type &&
    one.recordedAt === other.recordedAt
  );
}
