import type pg from 'pg';
import { transact, transactOnLane, type Behind, type Statement } from '../database.js';
import { lockPartition, tryLockPartition, type Store } from './store.js';

/**
 * Runs statements that ask `isLocked` under the partition's lock, if nobody else has it: gives
 * undefined if somebody has, and then nothing was done. Never waits, so that one partition, whoever
 * keeps it locked, delays no other.
 */
export async function tryPartition(
  store: Store,
  partition: number,
  statements: readonly Statement[],
  behind: Behind = {},
): Promise<pg.QueryResult[] | undefined> {
  const all = [tryLockPartition(store, partition), ...statements];
  const [lock, ...results] = await transactOnLane(store.database, partition, all, behind);
  return (lock!.rows[0] as { locked: string }).locked === 'true' ? results : undefined;
}

/** The same, waiting for the lock: throws the lock time-out if nobody gives way. */
export async function inPartition(
  store: Store,
  partition: number,
  statements: readonly Statement[],
  behind: Behind = {},
): Promise<pg.QueryResult[]> {
  const all = [lockPartition(store, partition), ...statements];
  const [, ...results] = await transact(store.database, all, behind);
  return results;
}
