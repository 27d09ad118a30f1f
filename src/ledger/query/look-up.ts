import type { Job } from '../../api.js';
import { LedgerError } from '../../errors.js';
import { EVENT_VERSIONS } from '../../job/event-versions.js';
import type { RecordedEvent } from '../../job/events.js';
import { evolve, fold } from '../../job/evolve.js';
import { stateAt, type JobState } from '../../job/state.js';
import { partitionOf } from '../ids.js';
import { INBOX_FIELDS, preparedFromRow, type InboxRow } from '../inbox/inbox-row.js';
import type { Prepared } from '../enqueue/prepare.js';
import { readStreams } from '../read.js';
import { clock, iso, type Store } from '../store.js';

/** A job now: the fold of its stream, else its row in the inbox, else undefined. */
export async function lookUp(store: Store, jobId: string): Promise<Job | undefined> {
  const inLedger = await lookUpLedger(store, jobId);
  if (inLedger !== undefined) return inLedger;
  // A mover may bring the job over between the two looks: then it is in the ledger by now.
  return (await lookUpInbox(store, jobId)) ?? lookUpLedger(store, jobId);
}

async function lookUpLedger(store: Store, jobId: string): Promise<Job | undefined> {
  const partition = partitionOf(jobId, store.partitions);
  const { events, now } = await readStreams(store, partition, [jobId]);
  const state = folded(jobId, events.get(jobId) ?? []);
  return state === undefined ? undefined : asRead(state, now);
}

/** An event of a newer program cannot be folded; `history` shows it as it is. */
export function folded(jobId: string, stream: readonly RecordedEvent[]): JobState | undefined {
  try {
    return fold(stream);
  } catch (error) {
    const message = `job ${jobId}: this program cannot read its events (${(error as Error).message}); see its history`;
    throw new LedgerError('ILLEGAL_STATE', message, { jobId, cause: error });
  }
}

/** A folded job as users see it at a time: what is due is available. */
export function asRead(state: JobState, now: string): Job {
  const seen =
    stateAt(state, now) === state.state ? state : ({ ...state, state: 'available' } as JobState);
  return { ...seen, shortId: `${seen.partition}/${seen.position}` };
}

/** An accepted enqueue that is not yet in the ledger reads as version 0. */
async function lookUpInbox(store: Store, jobId: string): Promise<Job | undefined> {
  const result = await store.database.pool.query<InboxRow & { now: string }>({
    text: `select ${INBOX_FIELDS}, ${iso(clock('$2'))} as now
      from (select * from ${store.tables.inbox} where job_id = $1 offset 0) of_job
      where sort <> 'duplicate' and set_aside_at is null order by id limit 1`,
    values: [jobId, store.clockShiftMs()],
  });
  const [row] = result.rows;
  const prepared = row === undefined ? undefined : preparedOrNone(row);
  if (row === undefined || prepared === undefined) return undefined;
  const { runAt, kind, queue } = prepared;
  const data = { ...(JSON.parse(prepared.data) as object), ...(runAt === null ? {} : { runAt }) };
  const event = {
    partition: partitionOf(jobId, store.partitions),
    position: 0,
    streamId: jobId,
    version: 1,
    type: 'JobEnqueued',
    schemaVersion: EVENT_VERSIONS.JobEnqueued,
    kind,
    queue,
    data,
    meta: JSON.parse(prepared.meta) as object,
    recordedAt: row.created_at,
  } as RecordedEvent;
  return { ...asRead(evolve(undefined, event), row.now), version: 0, shortId: null };
}

/** A row that will be set aside is no job yet; `list` and `verify` name it. */
function preparedOrNone(row: InboxRow): Prepared | undefined {
  try {
    return preparedFromRow(row);
  } catch {
    return undefined;
  }
}
