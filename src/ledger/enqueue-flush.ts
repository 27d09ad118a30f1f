import { setTimeout as pause } from 'node:timers/promises';
import { transact } from '../database.js';
import { LedgerError } from '../errors.js';
import {
  asStoreError,
  isConnectionError,
  isDataError,
  isLockTimeout,
  isUniqueViolation,
} from '../sql-errors.js';
import { enqueueStatement, type NewJob } from './enqueue-statement.js';
import { newJobId } from './ids.js';
import type { Prepared } from './prepare.js';
import { lockPartition, type Store } from './store.js';
import { wake } from './wake.js';

/** What became of one job of a flush. */
export type Flushed =
  | {
      readonly id: string;
      readonly position: number;
      readonly created: true;
      readonly state: 'available' | 'scheduled';
    }
  | { readonly id: string; readonly created: false }
  | { readonly error: Error };

/**
 * Records one partition's jobs in one transaction. Ids and partition are fixed before the first
 * try: if the acknowledgement is lost, the same rows go to the same partition again, and a
 * violation of (id, version 1) then means that they are in. A row that Postgres refuses is found by
 * halving and fails alone. Only a lock time-out, after which surely nothing was done, lets jobs
 * without an id of the caller's move to another partition.
 */
export async function flush(
  store: Store,
  partition: number,
  prepared: readonly Prepared[],
  deadline: number,
): Promise<readonly Flushed[]> {
  let target = partition;
  let jobs = prepared.map((one) => toNewJob(one, target, store.partitions));
  let sentBefore = false;
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    try {
      return await append(store, target, jobs);
    } catch (error) {
      if (isUniqueViolation(error))
        return await withoutExisting(store, target, prepared, jobs, deadline, sentBefore);
      if (isDataError(error)) return await halve(store, target, prepared, deadline, error as Error);
      if (performance.now() > deadline) return failed(jobs, error);
      if (isLockTimeout(error)) {
        if (sentBefore || prepared.some((one) => one.id !== undefined)) continue;
        target = (target + 1) % store.partitions;
        jobs = prepared.map((one) => toNewJob(one, target, store.partitions));
      } else if (isConnectionError(error)) {
        sentBefore = true;
        await pause(pauseMs);
      } else return failed(jobs, error);
    }
  }
}

async function append(
  store: Store,
  partition: number,
  jobs: readonly NewJob[],
): Promise<Flushed[]> {
  const [, result] = await transact(store.database, [
    lockPartition(store, partition),
    enqueueStatement(store, partition, jobs),
  ]);
  const { head, at } = result!.rows[0] as { head: number; at: string };
  announce(store, partition, jobs);
  return jobs.map((job, index) => {
    const waits = job.delayMs !== null ? job.delayMs > 0 : job.runAt !== null && job.runAt > at;
    return {
      id: job.id,
      position: head + index + 1,
      created: true,
      state: waits ? 'scheduled' : 'available',
    };
  });
}

/** One notification per queue, and one if something is to be promoted later. */
function announce(store: Store, partition: number, jobs: readonly NewJob[]): void {
  const queues = new Set<string>();
  let later = false;
  for (const job of jobs) {
    if (job.delayMs === null && job.runAt === null) queues.add(job.queue);
    else later = true;
  }
  for (const queue of queues) wake(store, { what: 'ready', partition, queue });
  if (later) wake(store, { what: 'scheduled' });
}

function toNewJob(one: Prepared, partition: number, partitions: number): NewJob {
  return { ...one, id: one.id ?? newJobId(partition, partitions) };
}

/** After a violation: what is in already counts as recorded, the rest is sent again. */
async function withoutExisting(
  store: Store,
  partition: number,
  prepared: readonly Prepared[],
  jobs: readonly NewJob[],
  deadline: number,
  sentBefore: boolean,
): Promise<readonly Flushed[]> {
  const ids = jobs.map((job) => job.id);
  const existing = await existingJobs(store, partition, ids);
  const rest: Prepared[] = [];
  const seen = new Set<string>();
  const answers = jobs.map((job, index): Flushed | number => {
    const found = existing.get(job.id);
    if (found !== undefined) return answerFor(job, found, sentBefore && isOurs(prepared[index]!));
    if (seen.has(job.id)) return { id: job.id, created: false };
    seen.add(job.id);
    return rest.push({ ...prepared[index]!, id: job.id, idIsOurs: isOurs(prepared[index]!) }) - 1;
  });
  const again = rest.length === 0 ? [] : await flush(store, partition, rest, deadline);
  return answers.map((answer) => (typeof answer === 'number' ? again[answer]! : answer));
}

/** True if the id was made here: then a job that has it can only be this one. */
function isOurs(one: Prepared): boolean {
  return one.id === undefined || one.idIsOurs === true;
}

interface Existing {
  readonly kind: string;
  readonly position: number;
  readonly waits: boolean;
}

function answerFor(job: NewJob, found: Existing, ours: boolean): Flushed {
  if (found.kind !== job.kind) {
    const message = `id: ${job.id} is a job of kind ${JSON.stringify(found.kind)} already`;
    return { error: new LedgerError('JOB_EXISTS', message, { jobId: job.id }) };
  }
  if (!ours) return { id: job.id, created: false };
  const state = found.waits ? 'scheduled' : 'available';
  return { id: job.id, position: found.position, created: true, state };
}

async function existingJobs(
  store: Store,
  partition: number,
  ids: readonly string[],
): Promise<Map<string, Existing>> {
  const result = await store.database.pool.query<Existing & { id: string }>({
    text: `select e.id, e.kind, e.position, e.waits from unnest($1::uuid[]) wanted(id)
      cross join lateral (select stream_id as id, kind, position, data ? 'runAt' as waits
        from ${store.tables.eventsOf(partition)} where stream_id = wanted.id and version = 1 offset 0) e`,
    values: [ids],
  });
  return new Map(result.rows.map((row) => [row.id, row]));
}

async function halve(
  store: Store,
  partition: number,
  prepared: readonly Prepared[],
  deadline: number,
  error: Error,
): Promise<readonly Flushed[]> {
  if (prepared.length === 1) {
    const message = `payload: Postgres cannot store it: ${error.message}`;
    return [{ error: new LedgerError('UNSTORABLE', message, { cause: error }) }];
  }
  const middle = Math.ceil(prepared.length / 2);
  const left = await flush(store, partition, prepared.slice(0, middle), deadline);
  const right = await flush(store, partition, prepared.slice(middle), deadline);
  return [...left, ...right];
}

/** Each error carries its job's id: enqueueing with it again can make no second job. */
function failed(jobs: readonly NewJob[], error: unknown): Flushed[] {
  const known = asStoreError(error);
  return jobs.map((job) => ({
    error: new LedgerError(
      known instanceof LedgerError ? known.code : 'INTERNAL',
      `enqueue: ${(known as Error).message} (job id ${job.id})`,
      { jobId: job.id, cause: error },
    ),
  }));
}
