import { setTimeout as pause } from 'node:timers/promises';
import { SESSION_SETTINGS, snapshot } from '../../database.js';
import { LedgerError } from '../../errors.js';
import { sqlState } from '../../sql-errors.js';
import type { Query } from '../query/read-model.js';
import type { Store } from '../store.js';
import type { Settled } from './instant.js';
import { positionsAt } from './positions.js';

/** How long a read model that is a little behind is waited for, in milliseconds. */
const PATIENCE_MS = 2_000;
const LOOK_MS = 20;

/** What would read a whole table, or sort what an index has in order. */
const INDEXED = [
  ...(['enable_seqscan', 'enable_bitmapscan', 'enable_hashjoin', 'enable_mergejoin'] as const),
];

/** What is read of the past: on one snapshot, by index whatever the statistics say. */
export interface Past {
  readonly at: Settled;
  readonly query: Query;
  /** The last position of each partition at that instant. */
  readonly positions: readonly number[];
}

/**
 * Reads with the read model `job-states`, once it holds all events up to the instant. Throws
 * `READ_MODEL_MISSING`, `NOT_CAUGHT_UP`, or `JOB_PARKED` if it leaves out a job of before.
 */
export async function readPast<T>(
  store: Store,
  at: Settled,
  read: (past: Past) => Promise<T>,
): Promise<T> {
  const until = performance.now() + PATIENCE_MS;
  for (;;) {
    const answer = await snapshot<Answer<T>>(store.database, async (query) => {
      for (const name of INDEXED) await query(`set local ${name} = ${SESSION_SETTINGS[name]}`);
      const positions = await positionsAt(store, query, at);
      const lag = await readLag(store, query, positions);
      if (lag > 0) return { lag };
      return { lag, value: await explained(read({ at, query, positions })) };
    });
    if (answer.lag === 0) return answer.value as T;
    if (performance.now() > until) throw behind(answer.lag, at);
    await pause(LOOK_MS);
  }
}

interface Answer<T> {
  readonly lag: number;
  readonly value?: T;
}

/** Events of before the instant that are not in the served read model. */
async function readLag(store: Store, query: Query, positions: readonly number[]): Promise<number> {
  const { projections, checkpoints, parked } = store.tables;
  const { rows } = await query(
    `select sum(greatest(0, at.position - c.position))::float8 as lag, count(k.job_id)::int as parked,
        exists (select from ${projections} where name = 'job-states') as known
      from ${projections} p join ${checkpoints} c on c.build = p.id
      join unnest($1::int8[]) with ordinality at(position, number) on at.number = c.partition + 1
      left join lateral (select job_id from ${parked} k where k.build = p.id
        and k.partition = c.partition and k.position <= at.position limit 1) k on true
      where p.name = 'job-states' and p.state = 'live'`,
    [positions],
  );
  const { lag, parked: left, known } = rows[0] as Lag;
  if (lag === null && known) throw missing('the read model is still being built');
  if (lag === null) throw missing('the read model is not there');
  if (left === 0) return lag;
  const message = `job-states: it leaves out jobs whose events it could not take; see "jobledger projections parked", then "jobledger projections unpark job-states"`;
  throw new LedgerError('JOB_PARKED', message);
}

interface Lag {
  readonly lag: number | null;
  readonly parked: number;
  readonly known: boolean;
}

function behind(lag: number, at: string): LedgerError {
  const message = `job-states: the read model lacks ${lag} of the events up to ${at}; is a projector running? "jobledger project" is one`;
  return new LedgerError('NOT_CAUGHT_UP', message);
}

function missing(why: string, cause?: unknown): LedgerError {
  const message = `job-states: ${why}, and lists and counts of the past need it; run "jobledger project"`;
  return new LedgerError('READ_MODEL_MISSING', message, { cause });
}

/** Its user may edit it, but not take away what is asked for here. */
async function explained<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const state = sqlState(error);
    if (state === '42P01') throw missing('its view is not there', error);
    if (state === '42703') throw missing(`it lacks a column (${(error as Error).message})`, error);
    throw error;
  }
}
