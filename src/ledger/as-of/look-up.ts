import type { AsOf } from '../../api-as-of.js';
import type { Job } from '../../api.js';
import type { RecordedEvent } from '../../job/events.js';
import { partitionOf } from '../ids.js';
import { asRead, folded, lookUp } from '../query/look-up.js';
import { readStream, readStreamsAt, resolveId } from '../read.js';
import { refuseSetAside } from '../inbox/set-aside.js';
import type { Store } from '../store.js';
import { settle } from './instant.js';

/** A job now, or as it was; undefined if there is none, or was none yet in the log. */
export async function findJob(
  store: Store,
  text: string,
  asOf: AsOf | undefined,
): Promise<Job | undefined> {
  if (asOf !== undefined) return lookUpAsOf(store, text, asOf);
  const jobId = await resolveId(store, text);
  if (jobId === undefined) return undefined;
  const job = await lookUp(store, jobId);
  if (job === undefined) await refuseSetAside(store, jobId);
  return job;
}

/** All events of a job, or those recorded by then. */
export async function findHistory(
  store: Store,
  text: string,
  asOf: AsOf | undefined,
): Promise<readonly RecordedEvent[]> {
  if (asOf !== undefined) return (await readAsOf(store, text, asOf)).events;
  const jobId = await resolveId(store, text);
  return jobId === undefined ? [] : readStream(store, jobId);
}

async function lookUpAsOf(store: Store, text: string, asOf: AsOf): Promise<Job | undefined> {
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
