import type { BulkOptions, BulkResult } from '../../api-bulk.js';
import { isLedgerError } from '../../errors.js';
import { groupBy } from '../../group-by.js';
import type { JobState } from '../../job/state.js';
import { planOf, type BulkPlan } from './bulk-options.js';
import { moveAccepted, nextBatch } from './bulk-source.js';
import { encodeCursor, type Place } from './cursor.js';
import { execute } from '../outcome/execute.js';
import { partitionOf } from '../ids.js';
import { isPlain } from './job-filter.js';
import { fits } from './job-fits.js';
import type { Wake } from '../signals.js';
import type { Store } from '../store.js';
import { wake } from '../wake.js';

/** Refusals that are told one by one. */
const MOST_REFUSALS = 100;
/** Partitions that are worked on at a time: other calls of the process want connections too. */
const SIDE_BY_SIDE = 2;

/**
 * An operator's action on every job that fits a filter: batch after batch is found, and each job is
 * decided on its whole stream, the filter with it. So a job that has moved on since it was found is
 * left alone, and nothing is done twice. Ends early, behind a batch, when `isEnding` says so.
 */
export async function bulk(
  store: Store,
  options: BulkOptions,
  isEnding: () => boolean,
): Promise<BulkResult> {
  const plan = planOf(options);
  const { filter, digest, batch, after } = plan;
  const tally = { done: 0, refused: 0, refusals: [] as { id: string; reason: string }[] };
  const soFar = (at: Place | undefined): BulkResult => ({
    ...{ ...tally, refusals: [...tally.refusals] },
    next: at === undefined ? null : encodeCursor(digest, at),
  });
  if (isPlain(filter) && after === undefined) await moveAccepted(store, filter);
  for (let at = after; ;) {
    const { ids, next } = await nextBatch(store, filter, at, batch);
    for (const outcome of await actOnAll(store, plan, ids)) {
      if (outcome.reason === undefined) tally.done++;
      else if (++tally.refused <= MOST_REFUSALS) tally.refusals.push(outcome as Refusal);
    }
    const result = soFar(next);
    if (ids.length > 0) options.onProgress?.(result);
    if (next === undefined || options.signal?.aborted === true || isEnding()) return result;
    at = next;
  }
}

interface Outcome {
  readonly id: string;
  /** Why it refused. */
  readonly reason: string | undefined;
}
type Refusal = Outcome & { readonly reason: string };

async function actOnAll(
  store: Store,
  plan: BulkPlan,
  ids: readonly string[],
): Promise<readonly Outcome[]> {
  const groups = [...groupBy(ids, (id) => partitionOf(id, store.partitions))];
  const outcomes: Outcome[] = [];
  const work = async (): Promise<void> => {
    for (let group = groups.pop(); group !== undefined; group = groups.pop())
      outcomes.push(...(await actOn(store, plan, ...group)));
  };
  // None may be left at work behind an error.
  const settled = await Promise.allSettled(Array.from({ length: SIDE_BY_SIDE }, work));
  for (const one of settled) if (one.status === 'rejected') throw one.reason;
  return outcomes;
}

/** Some refuse by an error, for all that are decided together (a unique key is taken): halve them. */
async function actOn(
  store: Store,
  plan: BulkPlan,
  partition: number,
  ids: readonly string[],
): Promise<readonly Outcome[]> {
  try {
    return await carryOut(store, plan, partition, ids);
  } catch (error) {
    if (!isLedgerError(error) || error.answer !== 'refused') throw error;
    if (ids.length === 1) return [{ id: ids[0]!, reason: error.message }];
    const middle = ids.length >> 1;
    return [
      ...(await actOn(store, plan, partition, ids.slice(0, middle))),
      ...(await actOn(store, plan, partition, ids.slice(middle))),
    ];
  }
}

async function carryOut(
  store: Store,
  { filter, command }: BulkPlan,
  partition: number,
  ids: readonly string[],
): Promise<readonly Outcome[]> {
  const only = (job: JobState, now: string): boolean =>
    fits(filter, job, now) && !('cancelRequested' in job && command.type === 'CancelJob');
  const orders = ids.map((jobId) => ({ jobId, command, only }));
  const executions = await execute(store, partition, orders);
  const wakes = new Map<string, Wake>();
  const outcomes = executions.flatMap((execution, index): Outcome[] => {
    const id = ids[index]!;
    if ('rejected' in execution)
      return execution.rejected === 'UNMATCHED' ? [] : [{ id, reason: execution.message }];
    const { before, after } = execution;
    if (before.state === 'running') addWake(wakes, { what: 'cancel', worker: before.worker });
    if (after.state === 'available')
      addWake(wakes, { what: 'ready', partition, queue: after.queue });
    return [{ id, reason: undefined }];
  });
  for (const one of wakes.values()) wake(store, one);
  return outcomes;
}

function addWake(wakes: Map<string, Wake>, one: Wake): void {
  wakes.set(JSON.stringify(one), one);
}
