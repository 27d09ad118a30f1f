import type { Job } from '../api.js';
import type { RecordedEvent } from '../job/events.js';
import { evolve, fold } from '../job/evolve.js';
import { stateAt, type JobState } from '../job/state.js';
import { partitionOf } from './ids.js';
import { preparedFromRow, type InboxRow } from './inbox-row.js';
import { readStreams } from './read.js';
import { iso, type Store } from './store.js';

/** A job now: the fold of its stream, else its row in the inbox, else undefined. */
export async function lookUp(store: Store, jobId: string): Promise<Job | undefined> {
  const partition = partitionOf(jobId, store.partitions);
  const { events, now } = await readStreams(store, partition, [jobId]);
  const state = fold(events.get(jobId) ?? []);
  if (state === undefined) return lookUpInbox(store, jobId);
  return asRead(state, now);
}

/** A folded job as users see it at a time: what is due is available. */
export function asRead(state: JobState, now: string): Job {
  const seen =
    stateAt(state, now) === state.state ? state : ({ ...state, state: 'available' } as JobState);
  return { ...seen, shortId: `${seen.partition}/${seen.position}` };
}

/** An accepted enqueue that is not yet in the ledger reads as version 0. */
async function lookUpInbox(store: Store, jobId: string): Promise<Job | undefined> {
  const result = await store.database.pool.query<
    InboxRow & { at: string; run_at_iso: string | null; now: string }
  >({
    text: `select *, data::text as data, meta::text as meta, run_at::text as run_at,
      ${iso('created_at')} as at, ${iso('run_at')} as run_at_iso, ${iso('clock_timestamp()')} as now
      from ${store.tables.inbox} where job_id = $1 and sort <> 'duplicate' order by id limit 1`,
    values: [jobId],
  });
  const [row] = result.rows;
  if (row === undefined) return undefined;
  try {
    const prepared = preparedFromRow(row);
    const data = JSON.parse(prepared.data) as object;
    const event = {
      ...{
        partition: partitionOf(jobId, store.partitions),
        position: 0,
        streamId: jobId,
        version: 1,
      },
      ...{ type: 'JobEnqueued', schemaVersion: 1, kind: prepared.kind, queue: prepared.queue },
      data: { ...data, ...(row.run_at_iso === null ? {} : { runAt: row.run_at_iso }) },
      meta: JSON.parse(prepared.meta) as object,
      recordedAt: row.at,
    } as RecordedEvent;
    return { ...asRead(evolve(undefined, event), row.now), version: 0, shortId: null };
  } catch {
    return undefined; // Set aside: there is no job to show yet; `list` and `verify` name the row.
  }
}
