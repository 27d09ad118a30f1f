import { setTimeout as pause } from 'node:timers/promises';
import { begin, transact } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { groupBy } from '../../group-by.js';
import { isDataError, isLockTimeout, isUniqueViolation } from '../../sql-errors.js';
import { announce, toEntry, type Entry } from './enqueue-flush.js';
import { enqueueStatement } from './enqueue-statement.js';
import { answerExisting, existingJobs, jobExists } from './existing-jobs.js';
import { enqueueFailure, isTransient, stateOf, unstorable, type Flushed } from './flushed.js';
import { partitionOf } from '../ids.js';
import { enqueueInTransaction } from '../inbox/inbox.js';
import type { Prepared } from './prepare.js';
import { lockPartition, type Store } from '../store.js';
import { wake } from '../wake.js';

/** Most jobs of one statement. */
const CHUNK = 1_000;

/**
 * Records all jobs or none, in one transaction. Keyed jobs, which may wait for strangers, go through
 * the inbox, whose rows become visible together with the rest. Ids are fixed before the first try,
 * so that a lost acknowledgement makes no second set. An id that has its job already is answered
 * with that job, as elsewhere; one that has a job of another kind refuses the whole.
 */
export async function enqueueAtomically(
  store: Store,
  partition: number,
  prepared: readonly Prepared[],
  deadline: number,
): Promise<readonly Flushed[]> {
  const entries = prepared.map((one) => toEntry(one, partition, store.partitions));
  const answers = new Map<string, Flushed>();
  refuseOtherKinds(entries);
  const keyed = prepared.some((one) => one.unique !== undefined);
  const record = keyed
    ? () => recordThroughInbox(store, prepared, entries, answers)
    : () => recordAtOnce(store, entries, answers);
  await untilDone(record, entries, deadline);
  return answersOf(entries, answers);
}

async function untilDone(
  record: () => Promise<void>,
  entries: readonly Entry[],
  deadline: number,
): Promise<void> {
  for (let pauseMs = 20; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    try {
      return await record();
    } catch (error) {
      if (error instanceof LedgerError) throw error;
      if (isDataError(error) || isUniqueViolation(error)) throw unstorable(error as Error);
      if (!isTransient(error) || performance.now() > deadline)
        throw enqueueFailure(error, entries[0]!.id);
      if (!isLockTimeout(error)) await pause(pauseMs);
    }
  }
}

async function recordAtOnce(
  store: Store,
  entries: readonly Entry[],
  answers: Map<string, Flushed>,
): Promise<void> {
  const distinct = new Map(entries.toReversed().map((one) => [one.id, one])).values();
  const todo = [...distinct].reverse().filter(({ id }) => !answers.has(id));
  // Several partitions only if callers chose ids; locks in ascending order, so that none wait in a ring.
  const groups = [...groupBy(todo, ({ id }) => partitionOf(id, store.partitions))].sort(
    ([a], [b]) => a - b,
  );
  try {
    for (const [id, flushed] of await commit(store, groups)) answers.set(id, flushed);
  } catch (error) {
    if (!isUniqueViolation(error)) throw error;
    const known = answers.size;
    for (const [partition, group] of groups) await answerThoseIn(store, partition, group, answers);
    if (answers.size === known) throw error;
    await recordAtOnce(store, entries, answers);
  }
}

type Groups = readonly (readonly [number, readonly Entry[]])[];

async function commit(store: Store, groups: Groups): Promise<(readonly [string, Flushed])[]> {
  const chunks = groups.flatMap(([partition, group]) =>
    Array.from({ length: Math.ceil(group.length / CHUNK) }, (_, n) => ({
      partition,
      jobs: group.slice(n * CHUNK, (n + 1) * CHUNK),
    })),
  );
  const results = await transact(store.database, [
    ...groups.map(([partition]) => lockPartition(store, partition)),
    ...chunks.map(({ partition, jobs }) => enqueueStatement(store, partition, jobs)),
  ]);
  for (const [partition, group] of groups) announce(store, partition, group);
  return chunks.flatMap(({ jobs }, index) => {
    const { head, at } = results[groups.length + index]!.rows[0] as { head: number; at: string };
    return jobs.map((job, n) => {
      const flushed = { position: head + n + 1, created: true, state: stateOf(job, at) } as const;
      return [job.id, { id: job.id, ...flushed }] as const;
    });
  });
}

async function answerThoseIn(
  store: Store,
  partition: number,
  group: readonly Entry[],
  answers: Map<string, Flushed>,
): Promise<void> {
  const ids = group.map(({ id }) => id);
  const existing = await existingJobs(store, partition, ids);
  for (const one of group) {
    const found = existing.get(one.id);
    if (found === undefined) continue;
    const answer = answerExisting(one, found, one.ours);
    if ('error' in answer) throw answer.error;
    answers.set(one.id, answer);
  }
  // The try that got them in was never answered, so nobody may have been told of them.
  announce(
    store,
    partition,
    group.filter(({ id }) => existing.has(id)),
  );
}

async function recordThroughInbox(
  store: Store,
  prepared: readonly Prepared[],
  entries: readonly Entry[],
  answers: Map<string, Flushed>,
): Promise<void> {
  const client = await store.database.pool.connect();
  let failure: unknown;
  answers.clear();
  try {
    await client.query(begin(store.database));
    for (const [index, entry] of entries.entries()) {
      if (answers.has(entry.id)) continue;
      const flushed = await enqueueInTransaction(store, prepared[index]!, entry, client, true);
      if ('error' in flushed) throw flushed.error;
      answers.set(entry.id, flushed);
    }
    await client.query('commit');
  } catch (error) {
    failure = error;
    throw error;
  } finally {
    if (failure !== undefined) await client.query('rollback').catch(() => {});
    client.release(isTransient(failure) ? (failure as Error) : undefined);
  }
  wake(store, { what: 'inbox' });
}

/** Who repeats an id asks for the same job again; of another kind it cannot be. */
function refuseOtherKinds(entries: readonly Entry[]): void {
  const kinds = new Map<string, string>();
  for (const { id, kind } of entries) {
    const before = kinds.get(id) ?? kind;
    if (before !== kind) throw jobExists(id, before);
    kinds.set(id, kind);
  }
}

function answersOf(
  entries: readonly Entry[],
  answers: ReadonlyMap<string, Flushed>,
): readonly Flushed[] {
  const seen = new Set<string>();
  return entries.map(({ id }) => {
    const repeated = seen.has(id);
    seen.add(id);
    return repeated ? { id, created: false } : answers.get(id)!;
  });
}
