import { isLedgerError } from '../../errors.js';
import type { KeyOwner } from '../verify/judge-keys.js';
import { lockPartition, type Store } from '../store.js';
import { holderOf, takeKeys, type KeyedJob } from '../keys/unique-keys.js';
import { whileStopped } from './stopped.js';

const BATCH = 1_000;

/**
 * Gives jobs of one partition the keys that are theirs, if nobody has them; gives those that got
 * none. As everywhere, keys are taken before the partition's lock, since taking one may wait for a
 * stranger; under the lock those of jobs that have moved on meanwhile are given up again.
 */
export async function giveKeys(
  store: Store,
  partition: number,
  owners: readonly KeyOwner[],
  nowMs: number,
): Promise<KeyOwner[]> {
  const without: KeyOwner[] = [];
  for (let at = 0; at < owners.length; at += BATCH) {
    const batch = owners.slice(at, at + BATCH);
    const taken = await giveBatch(store, partition, batch, nowMs).catch(noneIfBusy);
    without.push(...batch.filter(({ id }) => !taken.has(id)));
  }
  return without;
}

/** Why a job does not get its key, in a line. */
export async function whyWithout(store: Store, owner: KeyOwner): Promise<string> {
  const holder = await holderOf(store, owner);
  const name = `key ${JSON.stringify(owner.key)} of job ${owner.id}`;
  if (holder === undefined)
    return `${name} is not held: an open transaction has it, or the job has just changed; run again`;
  return `${name} is held by job ${holder}, which the log gives it as well`;
}

/** A stranger's open transaction has one of them. */
function noneIfBusy(error: unknown): ReadonlySet<string> {
  if (isLedgerError(error, 'CONFLICT')) return new Set();
  throw error;
}

async function giveBatch(
  store: Store,
  partition: number,
  owners: readonly KeyOwner[],
  nowMs: number,
): Promise<ReadonlySet<string>> {
  return whileStopped(store, [], async (query) => {
    await query(`set local lock_timeout = '2s'`);
    const take = takeKeys(
      store,
      owners.map((owner) => toKeyed(owner, nowMs)),
    );
    const taken = (await query(take.text, take.values)).rows as { job_id: string }[];
    const ids = new Set(taken.map(({ job_id: id }) => id));
    const lock = lockPartition(store, partition);
    await query(lock.text, lock.values);
    const mine = owners.filter(({ id }) => ids.has(id));
    const { rows } = await query(
      `delete from ${store.tables.uniqueKeys} u using unnest($1::uuid[], $2::int[]) o(id, version)
        where u.job_id = o.id and o.version <> coalesce((select e.version from ${store.tables.eventsOf(partition)} e
          where e.stream_id = o.id order by e.version desc limit 1), 0) returning u.job_id`,
      [mine.map(({ id }) => id), mine.map(({ version }) => version)],
    );
    for (const { job_id: id } of rows as { job_id: string }[]) ids.delete(id);
    return ids;
  });
}

function toKeyed({ expiresMs, scope, ...owner }: KeyOwner, nowMs: number): KeyedJob {
  const left = expiresMs === null ? scope : { withinMs: Math.max(0, expiresMs - nowMs) };
  return { ...owner, scope: left } as unknown as KeyedJob;
}
