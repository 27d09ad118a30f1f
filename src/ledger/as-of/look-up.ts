import type { AsOf } from '../../api-as-of.js';
import type { Job } from '../../api.js';
import type { RecordedEvent } from '../../job/events.js';
import { partitionOf } from '../ids.js';
import { asRead, folded } from '../look-up.js';
import { readStreamsAt, resolveId } from '../read.js';
import type { Store } from '../store.js';
import { settle } from './instant.js';

/** The events of a job that were recorded by then. */
export async function readStreamAsOf(
  store: Store,
  text: string,
  asOf: AsOf,
): Promise<readonly RecordedEvent[]> {
  return (await readAsOf(store, text, asOf)).events;
}

/** A job as it was; undefined if the log did not have it yet. */
export async function lookUpAsOf(store: Store, text: string, asOf: AsOf): Promise<Job | undefined> {
  const { at, events } = await readAsOf(store, text, asOf);
  const state = events.length === 0 ? undefined : folded(events[0]!.streamId, events);
  return state === undefined ? undefined : asRead(state, at);
}

async function readAsOf(store: Store, text: string, asOf: AsOf) {
  const id = await resolveId(store, text);
  const partition = id === undefined ? undefined : partitionOf(id, store.partitions);
  const at = await settle(store, 'asOf', asOf, partition);
  if (id === undefined || partition === undefined) return { at, events: [] };
  return { at, events: (await readStreamsAt(store, partition, [id], at)).get(id) ?? [] };
}
