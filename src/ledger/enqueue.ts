import type { Enqueued, EnqueueItem, EnqueueOptions } from '../api.js';
import { transact } from '../database.js';
import { LedgerError } from '../errors.js';
import { groupBy } from '../group-by.js';
import type { JobContract } from '../job/define.js';
import type { EventMeta } from '../job/events.js';
import { validatePayload } from './validate.js';
import type { EnqueueBuffer } from './enqueue-buffer.js';
import type { Flushed } from './enqueue-flush.js';
import { enqueueKeyed } from './enqueue-keyed.js';
import { enqueueStatement } from './enqueue-statement.js';
import { newJobId, partitionOf } from './ids.js';
import { enqueueInTransaction, wakeMovers } from './inbox.js';
import { prepare, type Prepared } from './prepare.js';
import { lookUp } from './look-up.js';
import { lockPartition, type Store } from './store.js';
import { wake } from './wake.js';

/** What enqueueing needs to know of the opened ledger. */
export interface Enqueueing {
  readonly store: Store;
  readonly buffer: EnqueueBuffer;
  readonly timeoutMs: number;
  /** Kinds this ledger knows, or undefined if it takes any. */
  readonly kinds: ReadonlyMap<string, JobContract> | undefined;
}

/** Checks a job and records it: at once, or in the caller's transaction. */
export async function enqueue(
  context: Enqueueing,
  job: JobContract | string,
  payload: unknown,
  options: EnqueueOptions,
  inherited?: EventMeta,
): Promise<Enqueued> {
  const prepared = await check(context, job, payload, options, inherited);
  const flushed = await record(context, prepared, options.transaction);
  return answer(context.store, flushed);
}

/** Checks all jobs before recording any. Atomic ones share one transaction. */
export async function enqueueMany(
  context: Enqueueing,
  items: readonly EnqueueItem[],
  options: { readonly atomic?: boolean; readonly transaction?: unknown },
): Promise<readonly Enqueued[]> {
  const prepared: Prepared[] = [];
  for (const [index, { job, payload, ...rest }] of items.entries()) {
    prepared.push(
      await check(context, job, payload, rest).catch((error: unknown) => fail(error, index)),
    );
  }
  if (options.transaction !== undefined) {
    const results: Enqueued[] = [];
    for (const one of prepared) {
      results.push(await answer(context.store, await record(context, one, options.transaction)));
    }
    return results;
  }
  if (options.atomic === true) return recordAtomically(context, prepared);
  const flushed = await Promise.all(
    prepared.map((one) =>
      record(context, one, undefined).catch((error: unknown) => ({ error: error as Error })),
    ),
  );
  return Promise.all(flushed.map((one) => answer(context.store, one)));
}

async function check(
  context: Enqueueing,
  job: JobContract | string,
  payload: unknown,
  options: EnqueueOptions,
  inherited?: EventMeta,
): Promise<Prepared> {
  const contract = contractOf(context, job);
  const prepared = prepare(contract ?? job, payload, options, inherited);
  if (contract !== undefined) await validatePayload(contract, payload);
  return prepared;
}

function contractOf({ kinds }: Enqueueing, job: JobContract | string): JobContract | undefined {
  const kind = typeof job === 'string' ? job : job.kind;
  if (kinds === undefined) return typeof job === 'string' ? undefined : job;
  const known = kinds.get(kind);
  if (known === undefined) {
    throw new LedgerError(
      'UNKNOWN_KIND',
      `kind: expected one of this ledger's kinds, got ${JSON.stringify(kind)}`,
    );
  }
  return typeof job === 'string' ? known : job;
}

async function record(
  context: Enqueueing,
  prepared: Prepared,
  transaction: unknown,
): Promise<Flushed> {
  const { store, buffer, timeoutMs } = context;
  if (transaction !== undefined) {
    return enqueueInTransaction(store, buffer.nextPartition(), prepared, transaction);
  }
  if (prepared.unique === undefined) return buffer.add(prepared);
  return enqueueKeyed(store, buffer.nextPartition(), prepared, performance.now() + timeoutMs);
}

/**
 * All or none. Keyed jobs, which may wait for strangers, go through the inbox, whose rows become
 * visible together with the rest.
 */
async function recordAtomically(
  context: Enqueueing,
  prepared: readonly Prepared[],
): Promise<readonly Enqueued[]> {
  const { store, buffer } = context;
  if (prepared.some((one) => one.unique !== undefined))
    return recordThroughInbox(context, prepared);
  const turn = buffer.nextPartition();
  const jobs = prepared.map((one) => ({ ...one, id: one.id ?? newJobId(turn, store.partitions) }));
  // Several partitions only if callers chose ids; locks in ascending order, so that none wait in a ring.
  const groups = [...groupBy(jobs, (job) => partitionOf(job.id, store.partitions))].sort(
    ([a], [b]) => a - b,
  );
  const results = await transact(
    store.database,
    groups.flatMap(([partition, group]) => [
      lockPartition(store, partition),
      enqueueStatement(store, partition, group),
    ]),
  );
  const answers = new Map<string, Enqueued>();
  groups.forEach(([partition, group], index) => {
    const { head, at } = results[index * 2 + 1]!.rows[0] as { head: number; at: string };
    group.forEach((job, n) => {
      const waits = job.delayMs !== null ? job.delayMs > 0 : job.runAt !== null && job.runAt > at;
      const state = waits ? 'scheduled' : 'available';
      answers.set(job.id, {
        id: job.id,
        shortId: `${partition}/${head + n + 1}`,
        created: true,
        state,
      });
    });
    for (const queue of new Set(group.map((job) => job.queue)))
      wake(store, { what: 'ready', partition, queue });
  });
  return jobs.map((job) => answers.get(job.id)!);
}

async function recordThroughInbox(
  context: Enqueueing,
  prepared: readonly Prepared[],
): Promise<readonly Enqueued[]> {
  const { store, buffer } = context;
  const client = await store.database.pool.connect();
  const results: Enqueued[] = [];
  try {
    await client.query('begin');
    for (const one of prepared) {
      results.push(
        await answer(store, await enqueueInTransaction(store, buffer.nextPartition(), one, client)),
      );
    }
    await client.query('commit');
  } catch (error) {
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release();
  }
  wakeMovers(store);
  return results;
}

async function answer(store: Store, flushed: Flushed): Promise<Enqueued> {
  if ('error' in flushed) throw flushed.error;
  const { id } = flushed;
  if (!flushed.created) {
    const found = await lookUp(store, id);
    return {
      id,
      shortId: found?.shortId ?? null,
      created: false,
      state: found?.state ?? 'available',
    };
  }
  const shortId =
    flushed.position === 0 ? null : `${partitionOf(id, store.partitions)}/${flushed.position}`;
  return { id, shortId, created: true, state: flushed.state };
}

function fail(error: unknown, index: number): never {
  if (error instanceof LedgerError) {
    throw new LedgerError(error.code, `items[${index}]: ${error.message}`, { cause: error });
  }
  throw error;
}
