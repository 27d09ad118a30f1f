import { LedgerError } from '../../errors.js';
import { groupBy } from '../../group-by.js';
import { sqlState } from '../../sql-errors.js';
import { execute } from '../outcome/execute.js';
import { existingJobs } from '../enqueue/existing-jobs.js';
import { partitionOf } from '../ids.js';
import type { InboxRow } from './inbox-row.js';
import { setAside } from './set-aside.js';
import type { Store } from '../store.js';

/**
 * Turns a row into the note that its job was asked for again, in place of a second job. A key that
 * the row's transaction took for that job goes with it, unless the job has it by its own enqueue:
 * nothing would ever free it. A row that somebody has locked is left for a later look.
 */
export async function becomeDuplicate(store: Store, row: InboxRow, holder: string): Promise<void> {
  const { inbox, uniqueKeys } = store.tables;
  const events = store.tables.eventsOf(partitionOf(row.job_id, store.partitions));
  await store.database.pool.query({
    text: `with there as materialized (select id from ${inbox} where id = $1 for update skip locked),
      freed as (
        delete from ${uniqueKeys} where $3 and job_id = $4 and kind = $5 and key = $6
          and exists (select from there) and not exists (
          select from ${events} e where e.stream_id = $4 and e.version = 1 and e.data->'unique'->>'key' = $6))
      update ${inbox} set sort = 'duplicate', job_id = $2 where id = any(array(select id from there))`,
    values: [row.id, holder, row.unique_held, row.job_id, row.kind, row.unique_key],
  });
}

/** Appends notes of duplicates of one partition, as one event per job. */
export async function recordDuplicates(
  store: Store,
  partition: number,
  notes: readonly InboxRow[],
): Promise<void> {
  try {
    await recordIn(store, partition, notes);
  } catch (error) {
    // Another mover took some of these notes: next round.
    if (sqlState(error) !== '22012' && !(error instanceof LedgerError)) throw error;
  }
}

/** The notes go in the events' own transaction, and all of them, or none is recorded. */
async function recordIn(store: Store, partition: number, notes: readonly InboxRow[]) {
  const byJob = groupBy(notes, (row) => row.job_id);
  const orders = [...byJob].map(
    ([jobId, ofJob]) =>
      ({
        jobId,
        command: { type: 'RecordDuplicate', times: ofJob.length, by: ofJob.at(-1)!.actor },
      }) as const,
  );
  const executions = await execute(store, partition, orders, {
    patient: false,
    alongside: (changes) => {
      const gone = changes.flatMap(({ after }) => byJob.get(after.id)!.map((row) => row.id));
      return gone.length === 0 ? [] : [removeNotes(store, gone)];
    },
  });
  const unknown = orders
    .map(({ jobId }) => jobId)
    .filter((_, index) => {
      const execution = executions[index]!;
      return 'rejected' in execution && execution.rejected === 'JOB_NOT_FOUND';
    });
  if (unknown.length > 0) await setAsideUnknown(store, partition, unknown, byJob);
}

/**
 * Fails (division by zero) unless every note is still there. Whoever has a note locked is not waited
 * for: this runs under the partition's lock.
 */
function removeNotes(store: Store, ids: readonly number[]) {
  return {
    text: `with gone as (delete from ${store.tables.inbox} where id = any(array(
        select id from ${store.tables.inbox} where id = any($1::bigint[]) for update skip locked))
        returning id)
      select 1 / (count(*) = $2)::int from gone`,
    values: [ids, ids.length],
  };
}

/**
 * A note about a job that is nowhere, not even on its way, would be looked at for ever. Another mover
 * may bring the job over meanwhile: what is not in the inbox any more is in the ledger by then.
 */
async function setAsideUnknown(
  store: Store,
  partition: number,
  unknown: readonly string[],
  byJob: ReadonlyMap<string, readonly InboxRow[]>,
): Promise<void> {
  const coming = await store.database.pool.query<{ id: string }>({
    text: `select distinct job_id as id from ${store.tables.inbox}
      where job_id = any($1::uuid[]) and sort <> 'duplicate' and set_aside_at is null`,
    values: [unknown],
  });
  const there = await existingJobs(store, partition, unknown);
  const known = new Set([...coming.rows.map(({ id }) => id), ...there.keys()]);
  for (const jobId of unknown) {
    if (known.has(jobId)) continue;
    for (const row of byJob.get(jobId)!)
      await setAside(store, row, 'job_id: expected a job of the ledger, there is none');
  }
}
