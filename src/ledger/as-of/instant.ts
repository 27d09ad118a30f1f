import type { AsOf } from '../../api-as-of.js';
import { transact } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { toInstant } from '../../job/instant.js';
import { delayProblem, shown } from '../../job/limits.js';
import { isLockTimeout } from '../../sql-errors.js';
import { bad, refuse } from '../check.js';
import { clock, iso, type Store } from '../store.js';

/**
 * This folder reads the ledger as it was. An instant T stands for all events with `recorded_at <= T`:
 * recorded times never step back within a partition, so they are its first positions. No answer is
 * given while an event of before T may still be on its way; nothing here writes or keeps a lock.
 */

/** An instant, UTC text, of which the log holds all that it will ever hold. */
export type Settled = string & { readonly settled: unique symbol };

/** One line if this cannot be an instant. */
export function asOfProblem(field: string, value: unknown): string | undefined {
  if (isAgo(value)) return delayProblem(`${field}.agoMs`, value.agoMs);
  const answer = toInstant(field, value);
  return 'problem' in answer ? answer.problem : undefined;
}

/** The instant that is meant, by the database's clock. Throws `BAD_INPUT` for one that has not come. */
export async function instantAt(store: Store, field: string, asOf: AsOf): Promise<string> {
  refuse([asOfProblem(field, asOf)]);
  const [agoMs, text] = isAgo(asOf) ? [asOf.agoMs, null] : [0, instantText(field, asOf)];
  const { rows } = await store.database.pool.query<{ now: string; at: string; ahead: boolean }>({
    text: `with clock as materialized (select ${clock('$1')} as now), meant as (
        select now, coalesce($2::timestamptz, now - $3::float8 * interval '1 millisecond') as at from clock)
      select ${iso('now')} as now, ${iso('at')} as at, at > now as ahead from meant`,
    values: [store.clockShiftMs(), text, agoMs],
  });
  const { now, at, ahead } = rows[0]!;
  if (ahead) throw bad(`${field}: expected a time that has passed, got ${at}; it is ${now}`);
  return at;
}

/**
 * The same, once all that was recorded until then can be read, in one partition or in all. The lock is
 * looked at behind the clock: who takes it afterwards records a later time.
 */
export async function settle(
  store: Store,
  field: string,
  asOf: AsOf,
  partition?: number,
): Promise<Settled> {
  const at = await instantAt(store, field, asOf);
  for (const one of await lockedPartitions(store))
    if (partition === undefined || one === partition) await passLock(store, field, one);
  return at as Settled;
}

function isAgo(value: unknown): value is { readonly agoMs: number } {
  return typeof value === 'object' && value !== null && 'agoMs' in value;
}

function instantText(field: string, value: unknown): string {
  const answer = toInstant(field, value);
  return 'instant' in answer ? answer.instant : shown(value);
}

/** Whose lock a writer holds: until it is free again, what it has recorded cannot be read. */
async function lockedPartitions(store: Store): Promise<number[]> {
  const { rows } = await store.database.pool.query<{ partition: number }>({
    text: `select distinct objid::int8::int as partition from pg_locks
      where locktype = 'advisory' and granted and mode = 'ExclusiveLock' and objsubid = 2
        and database = (select oid from pg_database where datname = current_database())
        and classid = $1::int8::oid and objid::int8 < $2`,
    values: [store.lockSpace >>> 0, store.partitions],
  });
  return rows.map(({ partition }) => partition);
}

/** Shared, so that those who look at the past do not wait for one another. */
async function passLock(store: Store, field: string, partition: number): Promise<void> {
  const text = 'select pg_advisory_xact_lock_shared($1::int, $2::int)::text';
  try {
    await transact(store.database, [{ text, values: [store.lockSpace, partition] }]);
  } catch (error) {
    if (!isLockTimeout(error)) throw error;
    const message = `${field}: partition ${partition} has been locked for too long to know all that it holds; try again`;
    throw new LedgerError('CONFLICT', message, { cause: error });
  }
}
