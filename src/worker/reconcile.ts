import { lockPartition, type Store } from '../ledger/store.js';
import { transact } from '../database.js';
import { groupBy } from '../group-by.js';
import type { NewEvent } from '../job/events.js';
import { writtenData } from '../job/written-form.js';
import { finishStatement, type Ending } from '../ledger/outcome/finish-statement.js';
import { wakeReturned } from '../ledger/wake.js';
import type { Attempt } from './attempt.js';

/** What a worker holds, by job id, and which of its claims have not been answered. */
export interface Holdings {
  readonly worker: number;
  readonly held: ReadonlyMap<string, Attempt>;
  readonly inFlight: ReadonlySet<number>;
}

interface LeaseRow {
  readonly job_id: string;
  readonly claim: number;
  readonly partition: number;
  readonly kind: string;
  readonly queue: string;
  readonly attempt: number;
  readonly counted: number;
  readonly losses: number;
  readonly canceled: boolean;
}

/**
 * Compares the leases in the database with what this worker holds. Leases it knows nothing of (a
 * claim whose reply was lost) are given back, or its heartbeat would keep them for ever. Gives the
 * attempts whose cancellation was requested, and those whose lease somebody else has ended.
 */
export async function reconcile(store: Store, holdings: Holdings): Promise<Comparison> {
  const { worker, held, inFlight } = holdings;
  // Whatever is held or asked for now may be missing from either side of the comparison.
  const open = [...held.values()].filter((attempt) => attempt.outcome === undefined);
  const known = new Set(held.keys());
  const asked = new Set(inFlight);
  const result = await store.database.pool.query<LeaseRow>({
    ...(store.database.pooler ? {} : { name: 'jl_reconcile' }),
    text: `select job_id, claim, partition, kind, queue, attempt, counted, losses, cancel_at is not null as canceled
      from ${store.tables.leases} where worker = $1`,
    values: [worker],
  });
  const isUnknown = (row: LeaseRow) =>
    !known.has(row.job_id) &&
    !held.has(row.job_id) &&
    !asked.has(row.claim) &&
    !inFlight.has(row.claim);
  await giveBack(store, worker, result.rows.filter(isUnknown));
  const leases = new Map(result.rows.map((row) => [row.job_id, row]));
  const leaseOf = (attempt: Attempt) => {
    const lease = leases.get(attempt.jobId);
    return lease?.attempt === attempt.row.attempt ? lease : undefined;
  };
  return {
    canceled: open.filter((attempt) => leaseOf(attempt)?.canceled === true),
    gone: open.filter((attempt) => leaseOf(attempt) === undefined && attempt.outcome === undefined),
  };
}

/** What the comparison found of the attempts that were under way when it was asked for. */
export interface Comparison {
  readonly canceled: readonly Attempt[];
  readonly gone: readonly Attempt[];
}

async function giveBack(store: Store, worker: number, rows: readonly LeaseRow[]): Promise<void> {
  for (const [partition, unknown] of groupBy(rows, (row) => row.partition)) {
    const lost = await withStream(store, partition, unknown);
    if (lost.length === 0) continue;
    store.log.info(
      { code: 'CLAIM_LOST', worker, partition, attempts: lost.length },
      'unknown leases given back',
    );
    const [, given] = await transact(store.database, [
      lockPartition(store, partition),
      finishStatement(store, partition, worker, lost.map(released)),
    ]);
    const { missed } = given!.rows[0] as { readonly missed: readonly number[] };
    tell(
      store,
      worker,
      lost.filter((_, at) => !missed.includes(at)),
    );
    wakeReturned(
      store,
      partition,
      lost.map(({ queue }) => queue),
    );
  }
}

/** Of the claim itself nobody could be told before. */
function tell({ transitions }: Store, worker: number, rows: readonly LeaseRow[]): void {
  if (!transitions.isHeard) return;
  for (const { job_id: jobId, kind, queue, attempt, claim } of rows) {
    const begun = { type: 'AttemptStarted', data: { attempt, worker, claim } } as const;
    const ended = releaseOf(attempt);
    const job = { jobId, kind, queue };
    transitions.started({ ...job, from: 'available', to: 'running', event: begun }, attempt);
    transitions.ended({ ...job, from: 'running', to: 'available', event: ended }, attempt);
  }
}

const CLAIM_LOST = 'claim-lost';

/** A lease whose stream does not exist is a stray: giving it back would record what never was. */
async function withStream(
  store: Store,
  partition: number,
  rows: readonly LeaseRow[],
): Promise<readonly LeaseRow[]> {
  const result = await store.database.pool.query<{ id: string }>({
    text: `select id from unnest($1::uuid[]) wanted(id) cross join lateral (
      select from ${store.tables.eventsOf(partition)} where stream_id = wanted.id and version = 1 offset 0) e`,
    values: [rows.map((row) => row.job_id)],
  });
  const known = new Set(result.rows.map((row) => row.id));
  return rows.filter((row) => known.has(row.job_id));
}

function releaseOf(attempt: number): NewEvent {
  return { type: 'AttemptReleased', data: { attempt, why: CLAIM_LOST } };
}

function released(row: LeaseRow): Ending {
  const event = releaseOf(row.attempt);
  return {
    jobId: row.job_id,
    claim: row.claim,
    attempt: row.attempt,
    type: event.type,
    data: JSON.stringify(writtenData(event)),
    meta: '{}',
    then: 'line',
    counted: row.counted - 1,
    losses: row.losses,
    delayMs: null,
    runAt: null,
    failure: false,
    // A canceled one is left to the cancel's grace.
    cancelKnown: false,
    freesKey: false,
  };
}
