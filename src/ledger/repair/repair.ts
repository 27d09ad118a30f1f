import type { Repair } from '../../api-repair.js';
import { snapshot } from '../../database.js';
import { PLACES, partitionOfId, readDispatch } from '../verify/dispatch-rows.js';
import { PartitionFold, type Query } from '../verify/fold-partition.js';
import type { KeyOwner } from '../verify/judge-keys.js';
import { advance, lateSequences } from '../verify/sequences.js';
import type { Store } from '../store.js';
import { readTallies } from '../verify/tally-check.js';
import { readNow, verify } from '../verify/verify.js';
import { WorkersSeen } from '../verify/workers-seen.js';
import { applyPlan } from './apply.js';
import { giveKeys, whyWithout } from './keys.js';
import { LinePlaces } from './line-places.js';
import { planPartition, type PartitionPlan } from './plan.js';
import { Report } from './report.js';
import { refuseWhileRunning, whileStopped } from './stopped.js';

/**
 * What a repair would change, on one snapshot. Memory holds the jobs of one partition at a time.
 * Throws `LEDGER_RUNNING` while a worker is alive.
 */
export async function planRepair(store: Store): Promise<Repair> {
  return snapshot(store.database, async (query) => {
    await refuseWhileRunning(store, query);
    const report = new Report();
    const workers = new WorkersSeen();
    for (let partition = 0; partition < store.partitions; partition++) {
      const folding = await startFolding(store, query, partition, workers);
      const plan = await readPlan(store, query, partition, folding);
      report.add(plan.changes);
      report.leave(plan.left);
    }
    await tellMisplaced(store, query, NOWHERE, 'select', report);
    for (const { text } of await lateSequences(store, query, workers.last))
      report.add([{ table: 'sequences', action: 'change', partition: null, jobId: null, text }]);
    return report.answer(null);
  });
}

/**
 * Makes the dispatch tables what the log says, then verifies. One transaction per partition, so that
 * no lock is held for longer than the partition's own rows take, and each partition is whole whenever
 * this is ended; run again, it goes on with the others. The log is folded before the lock is taken and
 * only its end under it, where rows are read, judged and put right. Throws `LEDGER_RUNNING` while a
 * worker is alive, and looks again under every lock.
 */
export async function repair(store: Store): Promise<Repair> {
  const query: Query = (text, values) => store.database.pool.query(text, values);
  await refuseWhileRunning(store, query);
  const report = new Report();
  const workers = new WorkersSeen();
  const advanced = new Map<string, string>();
  // Before any row goes: the highest number given may stand in it.
  await advanceLate(store, query, { workers, advanced });
  await removeMisplaced(store, query, report);
  const without: KeyOwner[] = [];
  for (let partition = 0; partition < store.partitions; partition++) {
    const plan = await repairPartition(store, query, partition, { workers, advanced });
    report.add(plan.changes);
    report.leave(plan.left);
    const nowMs = Date.parse(await readNow(store, query));
    without.push(...(await giveKeys(store, partition, plan.keys.missing, nowMs)));
  }
  await giveRest(store, query, without, report);
  for (const text of advanced.values())
    report.add([{ table: 'sequences', action: 'change', partition: null, jobId: null, text }]);
  return report.answer(await verify(store));
}

interface Folding {
  readonly fold: PartitionFold;
  readonly places: LinePlaces;
  readonly tallies: Awaited<ReturnType<typeof readTallies>>;
  readonly workers: WorkersSeen;
}

async function startFolding(
  store: Store,
  query: Query,
  partition: number,
  workers: WorkersSeen,
): Promise<Folding> {
  const tallies = await readTallies(store, query, partition);
  const places = new LinePlaces();
  const fold = new PartitionFold(store, partition, [workers, places, tallies]);
  await fold.read(query);
  return { fold, places, tallies, workers };
}

/** Reads on to the head, and the rows as they are there and then. */
async function readPlan(
  store: Store,
  query: Query,
  partition: number,
  { fold, places, tallies, workers }: Folding,
): Promise<PartitionPlan> {
  await fold.read(query);
  const { states, unreadable } = fold;
  const rows = await readDispatch(store, query, partition, workers.holding(states));
  const { joined } = places;
  const truth = { states, unreadable, joined, wrongTallies: tallies.wrong() };
  const known = new Set([...rows.workers, ...workers.recorded]);
  const now = await readNow(store, query);
  const plan = planPartition(partition, truth, { ...rows, workers: known }, now);
  for (const id of plan.workers.keys()) workers.recorded.add(id);
  return plan;
}

interface Progress {
  readonly workers: WorkersSeen;
  /** Counters that were moved on, and why. */
  readonly advanced: Map<string, string>;
}

/** Counters first: what is added below them would be given once more. */
async function repairPartition(
  store: Store,
  query: Query,
  partition: number,
  { workers, advanced }: Progress,
): Promise<PartitionPlan> {
  const folding = await startFolding(store, query, partition, workers);
  return whileStopped(store, [partition], async (locked) => {
    const plan = await readPlan(store, locked, partition, folding);
    await advanceLate(store, locked, { workers, advanced });
    await applyPlan(store, locked, partition, plan);
    return plan;
  });
}

async function advanceLate(
  store: Store,
  query: Query,
  { workers, advanced }: Progress,
): Promise<void> {
  for (const late of await lateSequences(store, query, workers.last)) {
    await advance(store, query, late);
    advanced.set(late.name, late.text);
  }
}

/** Keys that others had when it was their partition's turn; strays among those are gone by now. */
async function giveRest(
  store: Store,
  query: Query,
  without: readonly KeyOwner[],
  report: Report,
): Promise<void> {
  for (const owner of without) {
    const nowMs = Date.parse(await readNow(store, query));
    const [still] = await giveKeys(store, owner.partition, [owner], nowMs);
    if (still === undefined) continue;
    report.count('unique_keys', 'add', -1);
    report.leave([await whyWithout(store, still)]);
  }
}

const ELSEWHERE = `partition <> ${partitionOfId('job_id', '$1')}`;
/** In a partition that there is, a misplaced row is a stray as well. */
const NOWHERE = 'partition not between 0 and $1::int - 1';

/**
 * Rows whose partition is not that of their job's id. They belong to the lock of either, so all are
 * held; and they go first, since a job has one row in a table.
 */
async function removeMisplaced(store: Store, query: Query, report: Report): Promise<void> {
  const there = new Report();
  await tellMisplaced(store, query, ELSEWHERE, 'select', there);
  if (there.answer(null).changes === 0) return;
  const all = Array.from({ length: store.partitions }, (_, partition) => partition);
  await whileStopped(store, all, (locked) =>
    tellMisplaced(store, locked, ELSEWHERE, 'delete', report),
  );
}

async function tellMisplaced(
  store: Store,
  query: Query,
  where: string,
  what: 'select' | 'delete',
  report: Report,
): Promise<void> {
  for (const table of PLACES) {
    const rows = `from ${store.tables[table]} where ${where}`;
    const found =
      what === 'select' ? `select ${MISPLACED} ${rows}` : `delete ${rows} returning ${MISPLACED}`;
    const result = await query(
      `with found as (${found}) select found.*, (select count(*) from found) as count from found limit 1000`,
      [store.partitions],
    );
    const sample = result.rows as { job_id: string; partition: number; count: number }[];
    report.add(
      sample.map(({ job_id: jobId, partition }) => {
        const text = `stands in partition ${partition}, which is not that of its id`;
        return { table, action: 'remove', partition, jobId, text };
      }),
    );
    report.count(table, 'remove', (sample[0]?.count ?? 0) - sample.length);
  }
}

const MISPLACED = 'job_id, partition';
