/**
 * Takes the events of a topic into the events tables, dense and in order, as fast as COPY allows, several
 * partitions side by side. How far each has come is told by its own last event and nothing else. It never
 * changes an event that is there, and refuses a topic that has another one in its place.
 */
import type { Store } from '../../ledger/store.js';
import { readTexts } from '../read-texts.js';
import { eventDifference } from '../same-event.js';
import { EventCopier } from './event-copier.js';
import { openLog, readLast } from './open-log.js';
import { badTopic, diverged, type Source } from './source.js';
import type { Survey } from './survey.js';

/** Partitions that are filled at the same time, each on a connection of its own. */
const SIDE_BY_SIDE = 4;

/** Fills the ledger up to where the topic was when it was surveyed; tells each stretch that is in. */
export async function fillLedger(
  store: Store,
  source: Source,
  survey: Survey,
  took: (events: number) => void,
): Promise<void> {
  const left = survey.partitions.map((_, partition) => partition);
  let failed = false;
  const lane = async (): Promise<void> => {
    const copier = new EventCopier(store);
    try {
      for (let partition; !failed && (partition = left.shift()) !== undefined;)
        for await (const events of fillPartition(store, source, survey, partition, copier)) {
          took(events);
          if (failed) return;
        }
    } catch (error) {
      failed = true;
      throw error;
    } finally {
      await copier.close();
    }
  };
  const lanes = await Promise.allSettled(Array.from({ length: SIDE_BY_SIDE }, lane));
  const failure = lanes.find((one) => one.status === 'rejected');
  if (failure !== undefined) throw failure.reason;
}

/** Throws `TOPIC_DIVERGED`, before anything is changed, unless the ledger is a beginning of what the topic has. */
export async function refuseDiverged(store: Store, source: Source, survey: Survey): Promise<void> {
  for (const [partition, { last }] of survey.partitions.entries()) {
    if (last === undefined || (await isComplete(store, source, survey, partition))) continue;
    const log = await openLog(store, source, survey, partition);
    while (!log.isAnchored) await log.next();
  }
}

/** Gives how many events each stretch had, once they are in. */
async function* fillPartition(
  store: Store,
  source: Source,
  survey: Survey,
  partition: number,
  copier: EventCopier,
): AsyncGenerator<number> {
  const goal = survey.partitions[partition]!.last;
  if (goal === undefined || (await isComplete(store, source, survey, partition))) return;
  const log = await openLog(store, source, survey, partition);
  while (log.position < goal.position) {
    const taken = await log.next();
    if (taken === undefined)
      throw badTopic(
        source,
        `partition ${partition} ends at position ${log.position}, it had ${goal.position} just now`,
      );
    if (taken.events.length === 0) continue;
    await copier.copy(partition, taken.events);
    yield taken.events.length;
  }
}

/** Whether the ledger has all that the topic has, its last event being the same. */
async function isComplete(
  store: Store,
  source: Source,
  survey: Survey,
  partition: number,
): Promise<boolean> {
  const goal = survey.partitions[partition]!.last!;
  const last = await readLast(store, partition);
  if (last === undefined || last.position < goal.position) return false;
  const { events } = await readTexts(store, partition, goal.position, 1);
  const difference = eventDifference(events[0]!, goal);
  if (difference === undefined) return true;
  throw diverged(source, `${partition}/${goal.position}`, `differs in ${difference}`);
}
