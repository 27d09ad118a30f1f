import { transact } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { groupBy } from '../../group-by.js';
import { isDataError, isUniqueViolation } from '../../sql-errors.js';
import { announce } from '../enqueue/enqueue-flush.js';
import { enqueueStatement, type NewJob } from '../enqueue/enqueue-statement.js';
import { existingJobs } from '../enqueue/existing-jobs.js';
import { partitionOf } from '../ids.js';
import { INBOX_FIELDS, preparedFromRow, type InboxRow } from './inbox-row.js';
import { becomeDuplicate, recordDuplicates } from './inbox-duplicates.js';
import { KeyWaits } from '../keys/key-waits.js';
import { LockedPartitions } from './locked-partitions.js';
import type { Prepared } from '../enqueue/prepare.js';
import { reasonOf, setAside } from './set-aside.js';
import { lockPartition, type Store } from '../store.js';
import { appendKeyed, holderOf, toKeyedJob } from '../keys/unique-keys.js';

/** Most rows and bytes of one page, and most pages of one pass. */
const PAGE_ROWS = 500;
const PAGE_BYTES = 8 * 1024 * 1024;
const PASS_PAGES = 20;
/** How long a mover waits for a key that an open transaction holds, and for all of one pass. */
const KEY_WAIT_MS = 20;
const PASS_KEY_WAITS_MS = 500;
/** How long a command waits for the key of its job. */
const COMMAND_KEY_WAIT_MS = 500;

/**
 * Moves committed rows into the ledger, oldest first; gives how many rows it dealt with. Rows that
 * must wait for a stranger stay where they are and delay nobody behind them: a partition that was
 * found locked is left out until it is free. Notes of duplicates are left for when `duplicates` is
 * set, so that they add up to one event per job.
 */
export async function moveInbox(
  store: Store,
  afterId: number,
  duplicates: boolean,
): Promise<{ readonly moved: number; readonly lastId: number }> {
  const due = `id > $1 and set_aside_at is null and (sort <> 'duplicate' or $2)`;
  const [waits, locked] = [waitsOf(store), lockedOf(store)];
  waits.startPass();
  let [moved, lastId] = [0, afterId];
  for (let page = 0; page < PASS_PAGES; page++) {
    const rows = await pendingRows(store, due, [lastId, duplicates]);
    if (rows.length === 0) break;
    await moveRows(store, rows, waits, locked);
    moved += rows.length;
    lastId = rows.at(-1)!.id;
  }
  await locked.findFree();
  return { moved, lastId };
}

/** Moves certain jobs now, because somebody has a command for them; true if a key was busy. */
export async function moveJobs(store: Store, jobIds: readonly string[]): Promise<boolean> {
  const wanted = `id = any(array(select id from ${store.tables.inbox}
    where job_id = any($1::uuid[]) and set_aside_at is null))`;
  const rows = await pendingRows(store, wanted, [jobIds]);
  const waits = new KeyWaits(COMMAND_KEY_WAIT_MS, COMMAND_KEY_WAIT_MS);
  await moveRows(store, rows, waits, new LockedPartitions(store));
  return waits.someBusy;
}

const WAITS = new WeakMap<Store, KeyWaits>();

/** What movers of a store remember of busy keys from one pass to the next. */
function waitsOf(store: Store): KeyWaits {
  const known = WAITS.get(store) ?? new KeyWaits(KEY_WAIT_MS, PASS_KEY_WAITS_MS);
  WAITS.set(store, known);
  return known;
}

const LOCKED = new WeakMap<Store, LockedPartitions>();

function lockedOf(store: Store): LockedPartitions {
  const known = LOCKED.get(store) ?? new LockedPartitions(store);
  LOCKED.set(store, known);
  return known;
}

async function pendingRows(
  store: Store,
  where: string,
  values: unknown[],
): Promise<readonly InboxRow[]> {
  const result = await store.database.pool.query<InboxRow>({
    text: `select * from (
        select ${INBOX_FIELDS}, row_number() over (order by id) as n,
          sum(coalesce(octet_length(payload::text), 0)) over (order by id) as bytes
        from (select * from ${store.tables.inbox} where ${where} order by id limit ${PAGE_ROWS}) page) sized
      where n = 1 or bytes <= ${PAGE_BYTES} order by id`,
    values,
  });
  return result.rows;
}

interface Ready {
  readonly row: InboxRow;
  readonly job: NewJob;
  readonly prepared: Prepared;
}

/** Rows without keys go first: only keys can make a mover wait for strangers. */
async function moveRows(
  store: Store,
  pending: readonly InboxRow[],
  waits: KeyWaits,
  locked: LockedPartitions,
): Promise<void> {
  const ready: Ready[] = [];
  const rows = pending.filter((row) => !locked.has(partitionOf(row.job_id, store.partitions)));
  for (const row of rows) {
    const prepared = row.sort === 'duplicate' ? undefined : await preparedOrSetAside(store, row);
    if (prepared === undefined) continue;
    ready.push({ row, job: { ...prepared, id: row.job_id }, prepared });
  }
  const partition = ({ row }: Ready) => partitionOf(row.job_id, store.partitions);
  const plain = ready.filter(({ prepared }) => prepared.unique === undefined);
  for (const [target, group] of groupBy(plain, partition))
    await locked.unlessLocked(target, () => movePlain(store, target, group));
  const notes = rows.filter((row) => row.sort === 'duplicate');
  for (const [target, group] of groupBy(notes, (row) => partitionOf(row.job_id, store.partitions)))
    await locked.unlessLocked(target, () => recordDuplicates(store, target, group));
  for (const one of ready) {
    if (one.prepared.unique === undefined) continue;
    await locked.unlessLocked(partition(one), () => moveKeyed(store, partition(one), one, waits));
  }
}

/** One transaction for all; if a row spoils it, halves go apart, and the culprit is set aside. */
async function movePlain(store: Store, partition: number, ready: readonly Ready[]): Promise<void> {
  const jobs = ready.map(({ job }) => job);
  const inboxIds = ready.map(({ row }) => row.id);
  try {
    await transact(store.database, [
      lockPartition(store, partition),
      enqueueStatement(store, partition, jobs, { by: 'inbox', inboxIds }),
    ]);
    announce(store, partition, jobs);
  } catch (error) {
    if (!isDataError(error) && !isUniqueViolation(error)) throw error;
    if (ready.length === 1) return notStored(store, partition, ready[0]!, error);
    const middle = Math.ceil(ready.length / 2);
    await movePlain(store, partition, ready.slice(0, middle));
    await movePlain(store, partition, ready.slice(middle));
  }
}

/**
 * A row from SQL has not taken its key yet; who finds it taken becomes a note of a duplicate. Rows
 * whose key an open transaction holds wait for a later round.
 */
async function moveKeyed(
  store: Store,
  partition: number,
  ready: Ready,
  waits: KeyWaits,
): Promise<void> {
  const { row, job, prepared } = ready;
  const keyed = toKeyedJob(prepared, job.id);
  const name = JSON.stringify([keyed.tenant, keyed.kind, keyed.key]);
  if (!waits.mayAsk(name)) return;
  const gate = { by: 'inbox-and-key', inboxIds: [row.id] } as const;
  const startedAt = performance.now();
  try {
    const { ids } = await appendKeyed(store, partition, [keyed], gate, waits.waitMs);
    waits.wasFree(name);
    if (ids.length > 0) return announce(store, partition, [job]);
    const holder = await holderOf(store, keyed);
    if (holder !== undefined && holder !== job.id) await becomeDuplicate(store, row, holder);
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'UNIQUE_KEY_BUSY')
      waits.wasBusy(name, performance.now() - startedAt);
    else if (isDataError(error) || isUniqueViolation(error))
      await notStored(store, partition, ready, error);
    else throw error;
  }
}

/** An id that has its job already asks for that job again; anything else cannot become an event. */
async function notStored(
  store: Store,
  partition: number,
  { row, job }: Pick<Ready, 'row' | 'job'>,
  error: unknown,
): Promise<void> {
  if (!isUniqueViolation(error)) return setAside(store, row, reasonOf(error));
  const found = (await existingJobs(store, partition, [job.id])).get(job.id);
  if (found?.kind === job.kind) return becomeDuplicate(store, row, job.id);
  await setAside(store, row, 'job_id: a job of another kind has this id already');
}

async function preparedOrSetAside(store: Store, row: InboxRow): Promise<Prepared | undefined> {
  try {
    return preparedFromRow(row);
  } catch (error) {
    await setAside(store, row, reasonOf(error));
    return undefined;
  }
}
