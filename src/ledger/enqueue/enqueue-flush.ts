import { setTimeout as pause } from 'node:timers/promises';
import {
  isDataError,
  isLockTimeout,
  isUniqueViolation,
  partitionLocked,
} from '../../sql-errors.js';
import { enqueueStatement, type NewJob } from './enqueue-statement.js';
import { answerExisting, existingJobs } from './existing-jobs.js';
import { enqueueFailure, isTransient, stateOf, unstorable, type Flushed } from './flushed.js';
import { newJobId } from '../ids.js';
import { terminateHolder } from '../lock-holder.js';
import type { Prepared } from './prepare.js';
import type { Store } from '../store.js';
import { inPartition, tryPartition } from '../try-partition.js';
import type { Wake } from '../signals.js';
import { wake } from '../wake.js';

/** A job with its id fixed; `ours` if the id was made here and not by the caller. */
export interface Entry extends NewJob {
  readonly ours: boolean;
}

/** Fixes a job's id, which also fixes its partition. */
export function toEntry(prepared: Prepared, partition: number, partitions: number): Entry {
  const { kind, queue, priority, maxAttempts, data, meta, delayMs, runAt } = prepared;
  const id = prepared.id ?? newJobId(partition, partitions);
  const ours = prepared.id === undefined;
  return { id, kind, queue, priority, maxAttempts, data, meta, delayMs, runAt, ours };
}

/**
 * Records one partition's jobs in one transaction. Ids and partition are fixed before the first
 * try: if the acknowledgement is lost, the same rows go to the same partition again, and a
 * violation of (id, version 1) then means that they are in. A row that Postgres refuses is found by
 * halving and fails alone. Only a partition found locked, where surely nothing was done, lets jobs
 * without an id of the caller's move to another one. Few are tried before a lock is waited for.
 */
export async function flush(
  store: Store,
  partition: number,
  prepared: readonly Prepared[],
  deadline: number,
): Promise<readonly Flushed[]> {
  const entries = prepared.map((one) => toEntry(one, partition, store.partitions));
  return flushEntries({ store, deadline, sentBefore: false }, partition, entries);
}

/** Partitions tried, without waiting, before a locked one is waited for. */
const TRIES = 3;

interface Try {
  readonly store: Store;
  readonly deadline: number;
  /** Whether an earlier try may have got in without our knowing. */
  readonly sentBefore: boolean;
  /** Whether to wait for a locked partition. */
  readonly patient: boolean;
}

async function flushEntries(
  given: Omit<Try, 'patient'>,
  partition: number,
  fixed: readonly Entry[],
): Promise<readonly Flushed[]> {
  const { store, deadline } = given;
  let [entries, target, sentBefore, tries] = [fixed, partition, given.sentBefore, 0];
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    const movable = !sentBefore && entries.every(({ ours }) => ours);
    const patient = ++tries > (movable ? TRIES : 1);
    try {
      return await flushOnce({ store, deadline, sentBefore, patient }, target, entries);
    } catch (error) {
      if (!isTransient(error) || performance.now() > deadline)
        return entries.map(({ id }) => ({ error: enqueueFailure(error, id) }));
      if (!isLockTimeout(error)) {
        sentBefore = true;
        await pause(pauseMs);
        continue;
      }
      if (patient) await terminateHolder(store, target).catch(() => {});
      if (!movable) continue;
      target = (target + 1) % store.partitions;
      entries = withIdsOf(target, store.partitions, entries);
    }
  }
}

function withIdsOf(partition: number, partitions: number, entries: readonly Entry[]): Entry[] {
  return entries.map((one) => ({ ...one, id: newJobId(partition, partitions) }));
}

async function flushOnce(
  given: Try,
  partition: number,
  entries: readonly Entry[],
): Promise<readonly Flushed[]> {
  try {
    return await append(given, partition, entries);
  } catch (error) {
    if (isUniqueViolation(error)) return withoutExisting(given, partition, entries, error as Error);
    if (isDataError(error)) return halve(given, partition, entries, error as Error);
    throw error;
  }
}

async function append(
  { store, patient }: Try,
  partition: number,
  jobs: readonly NewJob[],
): Promise<Flushed[]> {
  const wakes = wakesOf(partition, jobs);
  const { now, later } = store.notifier.take(wakes);
  const run = patient ? inPartition : tryPartition;
  const statement = enqueueStatement(store, partition, jobs);
  const results = await run(store, partition, [statement], { trailing: now });
  if (results === undefined) {
    store.notifier.putBack(wakes);
    throw partitionLocked();
  }
  const [result] = results;
  const { head, at } = result!.rows[0] as { head: number; at: string };
  for (const wake of wakes) store.signals.emit(wake);
  for (const wake of later) store.notifier.send(wake);
  // What is due by a time that had passed stands in line already, which only the store could tell.
  const past = jobs.filter((job) => job.runAt !== null && job.runAt <= at);
  for (const queue of new Set(past.map((job) => job.queue)))
    wake(store, { what: 'ready', partition, queue });
  return jobs.map((job, index) => ({
    id: job.id,
    position: head + index + 1,
    created: true,
    state: stateOf(job, at),
  }));
}

/** Tells of jobs that are in: of each queue, and of something to be promoted later. */
export function announce(store: Store, partition: number, jobs: readonly Timed[]): void {
  for (const one of wakesOf(partition, jobs)) wake(store, one);
  // A time may have passed: whether it has is not known here, and a needless wake harms nothing.
  const timed = jobs.filter((job) => job.runAt !== null).map((job) => job.queue);
  for (const queue of new Set(timed)) wake(store, { what: 'ready', partition, queue });
}

type Timed = Pick<NewJob, 'queue' | 'delayMs' | 'runAt'>;

function wakesOf(partition: number, jobs: readonly Timed[]): Wake[] {
  const queues = new Set<string>();
  let later = false;
  for (const { queue, delayMs, runAt } of jobs) {
    if (runAt === null && (delayMs === null || delayMs === 0)) queues.add(queue);
    else later = true;
  }
  const ready = [...queues].map((queue) => ({ what: 'ready', partition, queue }) as const);
  return later ? [...ready, { what: 'scheduled' }] : ready;
}

/**
 * After a violation: what is in already counts as recorded, the rest is sent again, and last what
 * repeats an id of this very batch. A violation that no id explains is a row that cannot be stored.
 */
async function withoutExisting(
  given: Try,
  partition: number,
  entries: readonly Entry[],
  violation: Error,
): Promise<readonly Flushed[]> {
  const existing = await existingJobs(
    given.store,
    partition,
    entries.map(({ id }) => id),
  );
  // Whoever sent them before could not tell whether they were in, and woke nobody.
  announce(
    given.store,
    partition,
    entries.filter(({ id }) => existing.has(id)),
  );
  const absent = entries.filter(({ id }) => !existing.has(id));
  const first = [...new Map(absent.toReversed().map((one) => [one.id, one])).values()].reverse();
  if (first.length === entries.length) return halve(given, partition, entries, violation);
  const repeats = absent.filter((one) => !first.includes(one));
  const answers = new Map<Entry, Flushed>();
  for (const part of [first, repeats]) {
    const flushed = part.length === 0 ? [] : await flushEntries(given, partition, part);
    part.forEach((one, index) => answers.set(one, flushed[index]!));
  }
  return entries.map(
    (one) => answers.get(one) ?? answerExisting(one, existing.get(one.id)!, one.ours),
  );
}

async function halve(
  given: Try,
  partition: number,
  entries: readonly Entry[],
  error: Error,
): Promise<readonly Flushed[]> {
  if (entries.length === 1) return [{ error: unstorable(error, entries[0]!.id) }];
  const middle = Math.ceil(entries.length / 2);
  const left = await flushEntries(given, partition, entries.slice(0, middle));
  const right = await flushEntries(given, partition, entries.slice(middle));
  return [...left, ...right];
}
