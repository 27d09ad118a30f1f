import type { AsOf } from '../../api-as-of.js';
import type { PastStats } from '../../api-past.js';
import { CountLines, toldCounts, type KnownKinds } from '../query/count-lines.js';
import { readTotals } from '../query/stats.js';
import type { Store } from '../store.js';
import { settle } from './instant.js';
import { readPast, type Past } from './past.js';
import { staysAt } from './stays.js';

/**
 * Counts as they were. What was enqueued and has ended comes from the last tally of before plus the
 * events between, what ran or waited for a time from the read model; the rest was available.
 */
export async function readStatsAsOf(
  store: Store,
  asOf: AsOf,
  kinds: KnownKinds,
): Promise<PastStats> {
  const at = await settle(store, 'asOf', asOf);
  return readPast(store, at, (past) => readCounts(store, past, kinds));
}

/** The same, beside other things of that instant. */
export async function readCounts(
  store: Store,
  past: Past,
  kinds: KnownKinds = new Map(),
): Promise<PastStats> {
  const lines = new CountLines(kinds);
  const totals = await readTotals(store, past.query, past.positions);
  for (const { queue, kind, enqueued, ...ended } of totals) {
    const others = Object.values(ended).reduce((sum, jobs) => sum + jobs, 0);
    Object.assign(lines.at(queue, kind), ended, { available: enqueued - others });
  }
  for (const { queue, kind, state, jobs } of await readUnavailable(store, past)) {
    const counts = lines.at(queue, kind);
    counts[state] += jobs;
    counts.available -= jobs;
  }
  return {
    at: past.at,
    enqueued: totals.reduce((sum, row) => sum + row.enqueued, 0),
    events: past.positions.reduce((sum, position) => sum + position, 0),
    ...toldCounts(lines.sorted()),
  };
}

interface StateCount {
  readonly queue: string;
  readonly kind: string;
  readonly state: (typeof UNAVAILABLE)[number];
  readonly jobs: number;
}

const UNAVAILABLE = ['running', 'scheduled', 'retrying'] as const;

/** Jobs that had not ended and were not available: few beside the others. */
async function readUnavailable(store: Store, { at, query }: Past): Promise<StateCount[]> {
  const { text, values } = staysAt(store, at, { states: UNAVAILABLE, names: {} });
  const { rows } = await query(
    `select queue, kind, state, count(*)::float8 as jobs from ${text} found group by queue, kind, state`,
    values,
  );
  return rows as StateCount[];
}
