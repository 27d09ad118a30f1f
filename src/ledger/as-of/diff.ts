import type { DiffOptions, LedgerDiff, PastStats } from '../../api-past.js';
import { nameProblem } from '../../job/names.js';
import { unknownOptions } from '../../job/option-problems.js';
import { bad, refuse } from '../check.js';
import { toldCounts } from '../query/count-lines.js';
import { describe } from '../query/describe-jobs.js';
import type { Store } from '../store.js';
import { asOfProblem, settle, type Settled } from './instant.js';
import { countEvents, readMoves, type Between, type MovedJobs } from './moves.js';
import { readPast, type Past } from './past.js';
import { positionsAt } from './positions.js';
import { readCounts } from './stats.js';

const OPTIONS = { from: true, to: true, queue: true, kind: true } as const satisfies {
  readonly [K in keyof DiffOptions]-?: true;
};

/** Sorts of failures that are told. */
const MAX_FAILURES = 20;

/** What changed between two instants. Takes longer the more events lie between them. */
export async function readDiff(store: Store, options: DiffOptions): Promise<LedgerDiff> {
  const { from, to, names } = check(options);
  const first = await settle(store, 'from', from);
  const second = await settle(store, 'to', to);
  if (first > second) throw bad(`from: expected a time not after to (${second}), got ${first}`);
  const seen = await readPast(store, second, (past) => compare(store, past, first, names));
  const { moved, ...told } = seen;
  const failures = failuresOf(moved).slice(0, MAX_FAILURES);
  return {
    ...{ from: first, to: second, ...told },
    moves: movesOf(moved),
    failures: await described(store, failures, second),
  };
}

function check(options: DiffOptions) {
  const { from, to = { agoMs: 0 }, ...given } = options;
  const names = Object.fromEntries(Object.entries(given).filter(([, name]) => name !== undefined));
  refuse([
    ...unknownOptions(options, OPTIONS, 'diff'),
    ...[asOfProblem('from', from), asOfProblem('to', to)],
    ...Object.entries(names).map(([field, name]) => nameProblem(field, name)),
  ]);
  return { from, to, names: names as Between['names'] };
}

/** Both instants on the snapshot of the second, which holds all of the first. */
async function compare(store: Store, past: Past, first: Settled, names: Between['names']) {
  const start = await positionsAt(store, past.query, first);
  const between: Between = { ...past, first, start, names };
  const before = await readCounts(store, { ...past, at: first, positions: start });
  const after = await readCounts(store, past);
  const events = await countEvents(store, between);
  return {
    before: statesOf(before, names),
    after: statesOf(after, names),
    events: Object.fromEntries(events.map((one) => [one.type, one.events])),
    moved: await readMoves(store, between),
  };
}

function statesOf({ byQueue }: PastStats, names: Between['names']) {
  const meant = byQueue.filter(
    ({ queue, kind }) => queue === (names.queue ?? queue) && kind === (names.kind ?? kind),
  );
  return toldCounts(meant.map(({ queue, kind, ...counts }) => ({ queue, kind, counts }))).states;
}

/** Failures of every sort together. */
function movesOf(moved: readonly MovedJobs[]): LedgerDiff['moves'] {
  const moves = new Map<string, { -readonly [K in keyof Move]: Move[K] }>();
  for (const { from, to, jobs, sample } of moved) {
    const move = moves.get(`${from} ${to}`);
    if (move === undefined) moves.set(`${from} ${to}`, { from, to, jobs, sample });
    else move.jobs += jobs;
  }
  return [...moves.values()].sort((one, other) => other.jobs - one.jobs);
}

/** Those of one origin together, whatever state they came from; the most frequent first. */
function failuresOf(moved: readonly MovedJobs[]): readonly MovedJobs[] {
  const failures = new Map<string | null, MovedJobs>();
  for (const one of moved.filter(({ to }) => to === 'failed')) {
    const known = failures.get(one.fingerprint);
    const jobs = one.jobs + (known?.jobs ?? 0);
    failures.set(one.fingerprint, { ...(known ?? one), jobs });
  }
  return [...failures.values()].sort((one, other) => other.jobs - one.jobs);
}

type Move = LedgerDiff['moves'][number];

async function described(
  store: Store,
  failures: readonly MovedJobs[],
  asOf: Settled,
): Promise<LedgerDiff['failures']> {
  const samples = failures.map(({ sample }) => sample);
  const told = new Map((await describe(store, samples, { asOf })).map((job) => [job.id, job]));
  return failures.map(({ fingerprint, category, jobs, sample }) => {
    const message = told.get(sample)?.message ?? null;
    return { fingerprint, category, jobs, sample, message };
  });
}
