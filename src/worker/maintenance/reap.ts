import { byPolicy } from '../../job/retry-plan.js';
import { DEFAULT_RETRY, type RetryPolicy } from '../../job/retry.js';
import { enqueuedProblem } from '../../job/enqueued-problem.js';
import { formProblem } from '../../job/event-versions.js';
import { toErrorRecord } from '../../job/to-error-record.js';
import type { JobEvents } from '../../job/events.js';
import { execute, type Order } from '../../ledger/outcome/execute.js';
import type { Execution } from '../../ledger/outcome/execution.js';
import { readStored, storedOf, type Stored } from '../../ledger/read.js';
import type { Store } from '../../ledger/store.js';
import { inEach } from '../side-by-side.js';

const BATCH = 200;

/** What the reaper knows of a worker: its counter, and how long it was watched standing still. */
interface Seen {
  readonly beat: number;
  readonly silentMs: number;
}

/** A longer gap between two looks was an outage or a stall of our own: it proves nothing of others. */
const MAX_GAP_MS = 1_000;

/**
 * Declares workers dead whose counter has stood still for their whole lease while this process
 * stayed connected, and ends their leases. `dead_at` is final and committed first: from then on no
 * claim or finish of that worker passes. An outage of the store expires nobody, since observation
 * begins anew after it.
 */
export class Reaper {
  readonly #store: Store;
  readonly #seen = new Map<number, Seen>();
  #lookedAt = Number.NEGATIVE_INFINITY;
  readonly #now: () => number;
  readonly #reaped: (executions: readonly Execution[]) => void;

  /** `now` in milliseconds, of any clock that only goes forward. */
  constructor(
    store: Store,
    reaped: (executions: readonly Execution[]) => void,
    now: () => number = () => performance.now(),
  ) {
    this.#store = store;
    this.#now = now;
    this.#reaped = reaped;
  }

  /** The connection was lost, or the lead: what was seen before means nothing now. */
  forget(): void {
    this.#seen.clear();
  }

  /** One pass; gives the number of attempts it decided. */
  async pass(): Promise<number> {
    for (const { id, beat } of await this.#silent()) await this.#declareDead(id, beat);
    let decided = 0;
    await inEach(this.#store, 'reap', await this.#orphans(), async ({ worker, partition }) => {
      decided += await this.#sweep(worker, partition);
    });
    return decided;
  }

  async #silent(): Promise<{ id: number; beat: number }[]> {
    const result = await this.#store.database.pool.query<{
      id: number;
      beat: number;
      leaseMs: number;
    }>({
      text: `select id, beat, lease_ms as "leaseMs" from ${this.#store.tables.workers}
        where dead_at is null and ended_at is null`,
    });
    const now = this.#now();
    const sinceMs = now - this.#lookedAt;
    this.#lookedAt = now;
    const live = new Set(result.rows.map((row) => row.id));
    for (const id of this.#seen.keys()) if (!live.has(id)) this.#seen.delete(id);
    return result.rows.filter(({ id, beat, leaseMs }) => {
      const seen = this.#seen.get(id);
      const silentMs =
        seen?.beat === beat ? seen.silentMs + Math.min(sinceMs, MAX_GAP_MS, leaseMs / 3) : 0;
      this.#seen.set(id, { beat, silentMs });
      return silentMs > leaseMs;
    });
  }

  async #declareDead(worker: number, beat: number): Promise<void> {
    const result = await this.#store.database.pool.query({
      text: `update ${this.#store.tables.workers} set dead_at = clock_timestamp()
        where id = $1 and beat = $2 and dead_at is null and ended_at is null`,
      values: [worker, beat],
    });
    if (result.rowCount === 0) return;
    const leases = await this.#store.database.pool.query<{ count: number }>({
      text: `select count(*) as count from ${this.#store.tables.leases} where worker = $1`,
      values: [worker],
    });
    const lost = leases.rows[0]!.count;
    this.#store.log.warn({ code: 'WORKER_DEAD', worker, attempts: lost }, 'worker declared dead');
  }

  /** Workers that are gone, or ended without giving everything back, and still have leases. */
  async #orphans(): Promise<{ worker: number; partition: number }[]> {
    const { leases, workers } = this.#store.tables;
    // From holder to holder through the index: neither all leases nor all workers are read.
    const result = await this.#store.database.pool.query<{ worker: number; partition: number }>({
      text: `with recursive holder as (
          (select worker from ${leases} where worker > 0 order by worker limit 1)
          union all
          select (select l.worker from ${leases} l where l.worker > holder.worker
            order by l.worker limit 1) from holder where holder.worker is not null)
        select w.id as worker, l.partition from holder
        cross join lateral (select id from ${workers} where id = holder.worker
          and (dead_at is not null or ended_at is not null) offset 0) w
        cross join lateral (select distinct partition from ${leases} where worker = w.id offset 0) l`,
    });
    return result.rows;
  }

  /** Ends one batch of leases; passes over those that cannot be ended, so that they hide none. */
  async #sweep(worker: number, partition: number): Promise<number> {
    for (let after: LostLease | undefined; ;) {
      const leases = await this.#leasesOf(worker, partition, after);
      if (leases.length === 0) return 0;
      const orders = leases.map((row) => loss(row, worker));
      const executions = await execute(this.#store, partition, orders);
      this.#reaped(executions);
      const decided = executions.filter((one) => 'events' in one).length;
      if (decided > 0 || leases.length < BATCH) return decided;
      after = leases.at(-1)!;
    }
  }

  async #leasesOf(
    worker: number,
    partition: number,
    after: LostLease | undefined,
  ): Promise<readonly LostLease[]> {
    const result = await this.#store.database.pool.query<LostLease>({
      text: `select l.seq, l.job_id, l.attempt, ${storedOf('e')} as enqueued,
          case when f.position is not null then ${storedOf('f')} end as failure, w.retry
        from ${this.#store.tables.leases} l
        join ${this.#store.tables.eventsOf(partition)} e on e.partition = ${partition} and e.position = l.position
        join ${this.#store.tables.workers} w on w.id = l.worker
        left join ${this.#store.tables.eventsOf(partition)} f on f.partition = ${partition} and f.position = l.error_at
        where l.worker = $1 and l.partition = ${partition}
          and ($2::bigint is null or (l.seq, l.job_id) > ($2, $3::uuid))
        order by l.seq, l.job_id limit ${BATCH}`,
      values: [worker, after?.seq ?? null, after?.job_id ?? null],
    });
    return result.rows;
  }
}

interface LostLease {
  readonly seq: number;
  readonly job_id: string;
  readonly attempt: number;
  readonly enqueued: Stored;
  /** The lost worker's own policy, for jobs that have none. */
  readonly retry: RetryPolicy | null;
  readonly failure: Stored | null;
}

/** The policy stands in the job's own event, or in its worker's row: no code of the kind is needed. */
function loss(row: LostLease, worker: number): Order {
  const error = Object.assign(
    new Error(`worker ${worker} was lost during attempt ${row.attempt}`),
    {
      name: 'WorkerLost',
      stack: undefined,
    },
  );
  const record = toErrorRecord(error, { category: 'unknown', retryable: true });
  const facts = { attempt: row.attempt, previousDelayMs: delayAfter(row.failure) };
  const delay = byPolicy(ownPolicy(row.enqueued) ?? row.retry ?? DEFAULT_RETRY, facts, Math.random);
  return {
    jobId: row.job_id,
    command: {
      type: 'LoseAttempt',
      attempt: row.attempt,
      why: 'worker-lost',
      error: record,
      delay,
    },
  };
}

/** What nobody can work on may hold anything, and must not keep the other leases from being ended. */
function ownPolicy(enqueued: Stored): RetryPolicy | undefined {
  const { data, schemaVersion } = readStored(enqueued);
  if (enqueuedProblem(data, schemaVersion) !== undefined) return undefined;
  return (data as JobEvents['JobEnqueued']).retry;
}

function delayAfter(failure: Stored | null): number | undefined {
  const event = failure === null ? undefined : readStored(failure);
  if (event === undefined || formProblem(event) !== undefined) return undefined;
  const { decision } = event.data as Partial<JobEvents['AttemptFailed']>;
  return decision?.action === 'retry' ? decision.delayMs : undefined;
}
