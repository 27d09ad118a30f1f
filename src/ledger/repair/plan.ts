import type { RepairChange, RepairedTable } from '../../api-repair.js';
import { groupBy } from '../../group-by.js';
import { stateAt, type JobState } from '../../job/state.js';
import type { DispatchRow, DispatchRows, Place } from '../verify/dispatch-rows.js';
import { isTimed } from '../verify/insert-rows.js';
import { judgeKeys, type KeyJudgement } from '../verify/judge-keys.js';
import { judgeRows, type Folded, type Placed, type WrongRow } from '../verify/judge-rows.js';
import type { Joined, Settled } from './line-places.js';

/** What the log says of a partition, and when its jobs joined the line. */
export interface Truth extends Folded {
  readonly joined: ReadonlyMap<string, Joined>;
  /** Positions whose tally is wrong, and why. */
  readonly wrongTallies: ReadonlyMap<number, string>;
}

/** A row to make. */
export interface NewRow {
  readonly table: Place;
  readonly state: JobState;
  /** The row's own place in line, where it is to be trusted. */
  readonly seq: number | undefined;
  readonly joined: Joined;
}

/** What makes a partition's tables what its log says. */
export interface PartitionPlan {
  readonly wrong: readonly WrongRow[];
  readonly make: readonly NewRow[];
  /** Places in line that stay. */
  readonly settled: readonly Settled[];
  /** Holders of running jobs that are not on record, with the start of one of their attempts. */
  readonly workers: ReadonlyMap<number, string>;
  readonly keys: KeyJudgement;
  readonly tallies: readonly number[];
  readonly changes: readonly RepairChange[];
  /** What cannot be put right, and why. */
  readonly left: readonly string[];
}

/** Compares and decides; changes nothing. Right rows are in no list but `settled`. Pure. */
export function planPartition(
  partition: number,
  truth: Truth,
  rows: DispatchRows,
  now: string,
): PartitionPlan {
  const { right, wrong, missing, unjudged } = judgeRows(truth, rows, now);
  const settled: Settled[] = [];
  for (const { row } of [...right.values(), ...unjudged])
    if (row.seq !== undefined) settled.push({ seq: row.seq, joined: truth.joined.get(row.job_id) });
  const wrongOf = groupBy(wrong, ({ row }) => row.job_id);
  const taken = new Set(settled.map(({ seq }) => seq));
  const make: NewRow[] = [];
  for (const state of missing.filter(isPlaceable)) {
    const row = newRow(state, truth, wrongOf.get(state.id) ?? [], now);
    const seq = row.seq !== undefined && taken.has(row.seq) ? undefined : row.seq;
    if (seq !== undefined) {
      taken.add(seq);
      settled.push({ seq, joined: row.joined });
    }
    make.push({ ...row, seq });
  }
  const keys = judgeKeys(partition, truth, rows, now);
  const workers = missingWorkers(truth, rows);
  const plan = { wrong, make, settled, workers, keys, tallies: [...truth.wrongTallies.keys()] };
  return {
    ...plan,
    changes: changesOf(partition, plan, truth, wrongOf),
    left: leftOf(truth, missing),
  };
}

/** Where a job goes that has no right row. What is due goes to its place in line, not to the end. */
function newRow(state: JobState, truth: Truth, wrong: readonly Placed[], now: string): NewRow {
  const joined = truth.joined.get(state.id)!;
  const at = (table: Place) => wrong.find((one) => one.table === table)?.row;
  const staysScheduled = isTimed(state) && at('scheduled') !== undefined;
  const isDue = stateAt(state, now) === 'available' && !staysScheduled;
  const table = state.state === 'running' ? 'leases' : isDue ? 'ready' : 'scheduled';
  return { table, state, seq: trusted(at(table), state), joined };
}

/** A place is not in the log: the row's own is taken if it is of the same attempt. */
function trusted(row: DispatchRow | undefined, { attempt }: JobState): number | undefined {
  return row?.attempt === attempt && row.seq !== undefined && row.seq > 0 ? row.seq : undefined;
}

/** What nobody can work on may hold anything, columns of no row included. */
function isPlaceable({ maxAttempts, priority }: JobState): boolean {
  const isWithin = (value: unknown, least: number, most: number) =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  return isWithin(maxAttempts, 1, 2_147_483_647) && isWithin(priority, -32_768, 32_767);
}

function missingWorkers({ states, unreadable }: Folded, { workers }: DispatchRows) {
  const missing = new Map<number, string>();
  for (const job of states.values()) {
    if (job.state !== 'running' || unreadable.has(job.id)) continue;
    if (!workers.has(job.worker) && !missing.has(job.worker))
      missing.set(job.worker, job.startedAt);
  }
  return missing;
}

function changesOf(
  partition: number,
  { make, wrong, workers, keys }: Pick<PartitionPlan, 'make' | 'wrong' | 'workers' | 'keys'>,
  truth: Truth,
  wrongOf: ReadonlyMap<string, readonly WrongRow[]>,
): RepairChange[] {
  const changes: RepairChange[] = [];
  const tell = (
    table: RepairedTable,
    action: RepairChange['action'],
    jobId: string | null,
    text: string,
  ) => changes.push({ table, action, partition, jobId, text });
  const corrected = new Set<WrongRow>();
  for (const { table, state } of make) {
    const row = wrongOf.get(state.id)?.find((one) => one.table === table);
    if (row !== undefined) corrected.add(row);
    if (row === undefined) tell(table, 'add', state.id, `the job is ${state.state} by the log`);
    else tell(table, 'change', state.id, row.problems.join('; '));
  }
  for (const one of wrong)
    if (!corrected.has(one)) tell(one.table, 'remove', one.row.job_id, one.problems.join('; '));
  for (const id of workers.keys()) tell('workers', 'add', null, workerText(id));
  for (const { row, owner, text } of keys.wrong)
    tell('unique_keys', owner === undefined ? 'remove' : 'change', row.job_id, text);
  for (const { id, key } of keys.missing)
    tell('unique_keys', 'add', id, `key ${JSON.stringify(key)} is not held`);
  for (const text of truth.wrongTallies.values()) tell('tallies', 'remove', null, text);
  return changes;
}

function workerText(id: number): string {
  return `worker ${id} has a job by the log, but is not on record; it is recorded as dead`;
}

function leftOf({ unreadable }: Truth, missing: readonly JobState[]): string[] {
  const left = [...unreadable].map(
    ([id, why]) => `job ${id} cannot be read, its rows stay as they are: ${why}`,
  );
  for (const state of missing)
    if (!isPlaceable(state))
      left.push(`job ${state.id} has a first event that gives no row: it stays without one`);
  return left;
}
