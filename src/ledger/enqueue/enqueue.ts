import type { EnqueueItem } from '../../api.js';
import type { Enqueued, EnqueueOptions } from '../../job/enqueue-options.js';
import { LedgerError } from '../../errors.js';
import type { JobContract } from '../../job/define.js';
import type { EventMeta } from '../../job/events.js';
import { shown } from '../../job/limits.js';
import { bad } from '../check.js';
import { enqueueAtomically } from './enqueue-atomic.js';
import type { EnqueueBuffer } from './enqueue-buffer.js';
import { toEntry } from './enqueue-flush.js';
import { enqueueKeyed } from './enqueue-keyed.js';
import type { Flushed } from './flushed.js';
import { partitionOf } from '../ids.js';
import { enqueueInTransaction } from '../inbox/inbox.js';
import { lookUp } from '../query/look-up.js';
import { prepare, type Prepared } from './prepare.js';
import { withSendSpan } from './send-span.js';
import type { Slots } from './slots.js';
import type { Store } from '../store.js';
import { validatePayload } from './validate.js';

/** What enqueueing needs to know of the opened ledger. */
export interface Enqueueing {
  readonly store: Store;
  readonly buffer: EnqueueBuffer;
  /** Keyed jobs go one by one and may wait for strangers: they must not take every connection. */
  readonly keyed: Slots;
  readonly timeoutMs: number;
  /** Kinds this ledger knows, or undefined if it takes any. */
  readonly kinds: ReadonlyMap<string, JobContract> | undefined;
}

/** What holds for all items of an `enqueueMany`. */
export interface ManyOptions {
  readonly atomic?: boolean;
  readonly transaction?: unknown;
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
  const [flushed] = await withSendSpan([prepared], async ([one]) => [
    await record(context, one!, options.transaction),
  ]);
  return answer(context.store, flushed!);
}

/** Checks all jobs before recording any. Atomic ones share one transaction. */
export async function enqueueMany(
  context: Enqueueing,
  items: readonly EnqueueItem[],
  options: ManyOptions,
): Promise<readonly Enqueued[]> {
  checkMany(items, options);
  const prepared: Prepared[] = [];
  for (const [index, item] of items.entries()) {
    try {
      const checked = checkItem(context, item);
      prepared.push(checked instanceof Promise ? await checked : checked);
    } catch (error) {
      fail(error, index);
    }
  }
  const flushed = await withSendSpan(prepared, (all) => recordAll(context, all, options));
  if (flushed.every(isCreated)) return flushed.map((one) => created(context.store, one));
  return Promise.all(
    flushed.map((one, index) =>
      answer(context.store, one).catch((error: unknown) => fail(error, index)),
    ),
  );
}

function checkMany(items: unknown, options: unknown): void {
  if (!Array.isArray(items)) throw bad(`items: expected a list, got ${shown(items)}`);
  if (typeof options !== 'object' || options === null)
    throw bad(`options: expected an object, got ${shown(options)}`);
  const unknown = Object.keys(options).find((name) => name !== 'atomic' && name !== 'transaction');
  if (unknown !== undefined) throw bad(`${unknown}: no such option of enqueueMany`);
}

/** Like `check`, a promise only where the validator gives one: there may be very many. */
function checkItem(context: Enqueueing, item: EnqueueItem): Prepared | Promise<Prepared> {
  if (typeof item !== 'object' || item === null)
    throw bad(`expected { job, payload }, got ${shown(item)}`);
  const { job, payload, ...rest } = item;
  if (rest.transaction !== undefined)
    throw bad('transaction: expected as an option of enqueueMany, for all items');
  return check(context, job, payload, rest);
}

function check(
  context: Enqueueing,
  job: JobContract | string,
  payload: unknown,
  options: EnqueueOptions,
  inherited?: EventMeta,
): Prepared | Promise<Prepared> {
  const contract = contractOf(context, job);
  const prepared = prepare(contract ?? job, payload, options, inherited);
  if (contract === undefined) return prepared;
  const validated = validatePayload(contract, payload);
  return validated instanceof Promise ? validated.then(() => prepared) : prepared;
}

function contractOf({ kinds }: Enqueueing, job: JobContract | string): JobContract | undefined {
  const kind = typeof job === 'string' ? job : job?.kind;
  if (kinds === undefined) return typeof job === 'string' ? undefined : job;
  const known = kinds.get(kind);
  if (known === undefined) {
    throw new LedgerError(
      'UNKNOWN_KIND',
      `kind: expected one of this ledger's kinds, got ${shown(kind)}`,
    );
  }
  return typeof job === 'string' ? known : job;
}

async function record(
  { store, buffer, keyed, timeoutMs }: Enqueueing,
  prepared: Prepared,
  transaction: unknown,
): Promise<Flushed> {
  if (transaction !== undefined) {
    const entry = toEntry(prepared, buffer.nextPartition(), store.partitions);
    return enqueueInTransaction(store, prepared, entry, transaction);
  }
  if (prepared.unique === undefined) return buffer.add(prepared);
  return keyed.run(() =>
    enqueueKeyed(store, buffer.nextPartition(), prepared, performance.now() + timeoutMs),
  );
}

async function recordAll(
  context: Enqueueing,
  prepared: readonly Prepared[],
  { atomic, transaction }: ManyOptions,
): Promise<readonly Flushed[]> {
  const { store, buffer, timeoutMs } = context;
  if (prepared.length === 0) return [];
  if (transaction !== undefined) {
    const flushed: Flushed[] = [];
    for (const one of prepared) flushed.push(await record(context, one, transaction));
    return flushed;
  }
  if (atomic === true) {
    const deadline = performance.now() + timeoutMs;
    return enqueueAtomically(store, buffer.nextPartition(), prepared, deadline);
  }
  return prepared.every((one) => one.unique === undefined)
    ? buffer.addAll(prepared)
    : recordEach(context, prepared);
}

/** All at once, but those with one key one by one: of them the first gets it. */
function recordEach(
  context: Enqueueing,
  prepared: readonly Prepared[],
): Promise<readonly Flushed[]> {
  const latest = new Map<string, Promise<Flushed>>();
  const start = (one: Prepared) =>
    record(context, one, undefined).catch((error: unknown) => ({ error: error as Error }));
  return Promise.all(
    prepared.map((one) => {
      if (one.unique === undefined) return start(one);
      const name = JSON.stringify([one.unique.tenant, one.kind, one.unique.key]);
      const recorded = latest.get(name)?.then(() => start(one)) ?? start(one);
      latest.set(name, recorded);
      return recorded;
    }),
  );
}

async function answer(store: Store, flushed: Flushed): Promise<Enqueued> {
  if ('error' in flushed) throw flushed.error;
  if (isCreated(flushed)) return created(store, flushed);
  const { id } = flushed;
  const found = await lookUp(store, id);
  const { shortId, state } = found ?? { shortId: null, state: 'available' as const };
  return { id, shortId, created: false, state };
}

type Created = Extract<Flushed, { readonly created: true }>;

function isCreated(flushed: Flushed): flushed is Created {
  return 'created' in flushed && flushed.created;
}

function created(store: Store, { id, position, state }: Created): Enqueued {
  const shortId = position === 0 ? null : `${partitionOf(id, store.partitions)}/${position}`;
  return { id, shortId, created: true, state };
}

function fail(error: unknown, index: number): never {
  if (!(error instanceof LedgerError)) throw error;
  const { jobId } = error;
  throw new LedgerError(error.code, `items[${index}]: ${error.message}`, {
    ...(jobId === undefined ? {} : { jobId }),
    cause: error,
  });
}
