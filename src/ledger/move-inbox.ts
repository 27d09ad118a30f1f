import { LedgerError } from '../errors.js';
import { groupBy } from '../group-by.js';
import { isDataError, isUniqueViolation } from '../sql-errors.js';
import { transact } from '../database.js';
import { enqueueStatement, type NewJob } from './enqueue-statement.js';
import { execute } from './execute.js';
import { isUuid, partitionOf } from './ids.js';
import { preparedFromRow, type InboxRow } from './inbox-row.js';
import type { Prepared } from './prepare.js';
import { lockPartition, type Store } from './store.js';
import { appendKeyed, holderOf, toKeyedJob } from './unique-keys.js';
import { wake } from './wake.js';

const BATCH = 500;

/**
 * Moves committed rows into the ledger, oldest first; gives how many rows it dealt with. Notes of
 * duplicates are left for when `duplicates` is set, so that they add up to one event per job.
 */
export async function moveInbox(
  store: Store,
  afterId: number,
  duplicates: boolean,
): Promise<{ readonly moved: number; readonly lastId: number }> {
  const due = `id > $1 and set_aside_at is null and (sort <> 'duplicate' or $2)`;
  const rows = await pendingRows(store, due, [afterId, duplicates]);
  await moveRows(store, rows);
  return {
    moved: rows.length,
    lastId: rows.reduce((last, row) => Math.max(last, row.id), afterId),
  };
}

/** Moves certain jobs now, because somebody has a command for them. */
export async function moveJobs(store: Store, jobIds: readonly string[]): Promise<number> {
  const rows = await pendingRows(store, `job_id = any($1::uuid[]) and set_aside_at is null`, [
    jobIds,
  ]);
  await moveRows(store, rows);
  return rows.length;
}

async function pendingRows(store: Store, where: string, values: unknown[]): Promise<InboxRow[]> {
  const result = await store.database.pool.query<InboxRow>({
    text: `select *, data::text as data, meta::text as meta,
      case when run_at is not null then run_at::text end as run_at
      from ${store.tables.inbox} where ${where} order by id limit ${BATCH}`,
    values,
  });
  return result.rows;
}

async function moveRows(store: Store, rows: readonly InboxRow[]): Promise<void> {
  await recordDuplicates(
    store,
    rows.filter((row) => row.sort === 'duplicate'),
  );
  const plain = new Map<number, Ready[]>();
  for (const row of rows) {
    if (row.sort === 'duplicate') continue;
    const prepared = await preparedOrSetAside(store, row);
    if (prepared === undefined) continue;
    const partition = partitionOf(row.job_id, store.partitions);
    if (prepared.unique !== undefined || row.unique_key !== null)
      await moveKeyed(store, partition, row, prepared);
    else
      plain.set(partition, [
        ...(plain.get(partition) ?? []),
        { row, job: { ...prepared, id: row.job_id } },
      ]);
  }
  for (const [partition, ready] of plain) await movePlain(store, partition, ready);
}

interface Ready {
  readonly row: InboxRow;
  readonly job: NewJob;
}

/** One transaction for all; if one row spoils it, each gets its own, and the culprit is set aside. */
async function movePlain(store: Store, partition: number, ready: readonly Ready[]): Promise<void> {
  try {
    await transact(store.database, [
      lockPartition(store, partition),
      enqueueStatement(
        store,
        partition,
        ready.map(({ job }) => job),
        {
          by: 'inbox',
          inboxIds: ready.map(({ row }) => row.id),
        },
      ),
    ]);
    for (const queue of new Set(ready.map(({ job }) => job.queue)))
      wake(store, { what: 'ready', partition, queue });
  } catch (error) {
    if (!isDataError(error) && !isUniqueViolation(error)) throw error;
    if (ready.length === 1) return setAside(store, ready[0]!.row, reasonOf(error));
    for (const one of ready) await movePlain(store, partition, [one]);
  }
}

/** A row from SQL has not taken its key yet; who finds it taken becomes a note of a duplicate. */
async function moveKeyed(
  store: Store,
  partition: number,
  row: InboxRow,
  prepared: Prepared,
): Promise<void> {
  const gate = { by: row.unique_held ? 'inbox' : 'inbox-and-key', inboxIds: [row.id] } as const;
  try {
    if (row.unique_held) {
      await transact(store.database, [
        lockPartition(store, partition),
        enqueueStatement(store, partition, [{ ...prepared, id: row.job_id }], gate),
      ]);
    } else {
      const job = toKeyedJob(prepared, row.job_id);
      const { ids } = await appendKeyed(store, partition, [job], gate);
      if (ids.length === 0) return await becomeDuplicate(store, row, await holderOf(store, job));
    }
    wake(store, { what: 'ready', partition, queue: prepared.queue });
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'UNIQUE_KEY_BUSY') return; // Next round.
    if (!isDataError(error) && !isUniqueViolation(error)) throw error;
    await setAside(store, row, reasonOf(error));
  }
}

async function becomeDuplicate(
  store: Store,
  row: InboxRow,
  holder: string | undefined,
): Promise<void> {
  if (holder === undefined || holder === row.job_id) return;
  await store.database.pool.query({
    text: `update ${store.tables.inbox} set sort = 'duplicate', job_id = $2 where id = $1`,
    values: [row.id, holder],
  });
}

/** Notes of duplicates, as one event per job; the rows go in the same transaction. */
async function recordDuplicates(store: Store, rows: readonly InboxRow[]): Promise<void> {
  const byJob = groupBy(rows, (row) => row.job_id);
  const byPartition = groupBy(byJob.keys(), (id) => partitionOf(id, store.partitions));
  for (const [partition, jobIds] of byPartition) {
    const orders = jobIds.map((jobId) => {
      const notes = byJob.get(jobId)!;
      return {
        jobId,
        command: { type: 'RecordDuplicate', times: notes.length, by: notes.at(-1)!.actor },
      } as const;
    });
    await execute(store, partition, orders, (changes) => {
      const recorded = new Set(changes.map((change) => change.after.id));
      const gone = rows.filter((row) => recorded.has(row.job_id)).map((row) => row.id);
      return [
        { text: `delete from ${store.tables.inbox} where id = any($1::bigint[])`, values: [gone] },
      ];
    });
  }
}

async function preparedOrSetAside(store: Store, row: InboxRow): Promise<Prepared | undefined> {
  try {
    if (!isUuid(row.job_id)) throw new LedgerError('BAD_INPUT', 'job_id: expected a UUID');
    return preparedFromRow(row);
  } catch (error) {
    await setAside(store, row, reasonOf(error));
    return undefined;
  }
}

/** Leaves the row where it is, with its error: it may be mended or discarded, and delays nobody. */
async function setAside(store: Store, row: InboxRow, error: string): Promise<void> {
  store.log.warn(
    { code: 'SET_ASIDE', inboxId: row.id, jobId: row.job_id, error },
    'inbox row set aside',
  );
  await store.database.pool.query({
    text: `update ${store.tables.inbox} set set_aside_at = clock_timestamp(), error = $2
      where id = $1 and set_aside_at is null`,
    values: [row.id, error],
  });
}

function reasonOf(error: unknown): string {
  if (isUniqueViolation(error)) return 'job_id: a job has this id already';
  return error instanceof Error ? error.message : String(error);
}
