import { randomUUID } from 'node:crypto';
import type { LedgerProjector } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import type { RecordedEvent } from '../job/events.js';
import { lockPartition, type Store } from '../ledger/store.js';
import { Loop } from '../service.js';
import { isConnectionError } from '../sql-errors.js';
import { readBehind, readCheckpoints, readHeads } from './feed.js';
import { concernsOf, foldBatch, keysOf } from './fold-batch.js';
import { dropLeases, takeLease, type Lease } from './lease.js';
import { prepareTables } from './projection-tables.js';
import type { Projection } from '../api-projector.js';
import { loadRows, writeRows } from './rows.js';
import { swapIn } from './swap.js';

/** Events read at a time. */
const BATCH = 2_000;
/** Events of a partition that a version may lack when it is about to be served. */
const MOST = 10_000;
/** How long it rests when everything is folded, in milliseconds. */
const REST_MS = 200;
/** How often a lease is renewed, in milliseconds: three times within its length. */
const RENEW_MS = 5_000;

/**
 * Keeps read models up to date: reads each partition behind its checkpoint, folds what it finds, and
 * writes rows and checkpoint together. Owns the tables of the read models; never writes the ledger. A
 * projector that dies at any point is taken over by another, from its last checkpoint; an event's
 * effect is there exactly once. A version that is new is built beside the one that is served, and takes
 * its place once it has caught up.
 */
export class Projector implements LedgerProjector {
  readonly #store: Store;
  readonly #projections: readonly Projection[];
  readonly #owner = randomUUID();
  readonly #leases = new Map<Projection, Lease & { readonly at: number }>();
  readonly #loop: Loop;
  readonly #unsubscribe: () => void;
  #prepared = false;

  constructor(store: Store, projections: readonly Projection[]) {
    refuseTwice(projections);
    this.#store = store;
    this.#projections = projections;
    this.#loop = new Loop(
      () => this.#pass(),
      (error) => {
        if (!isConnectionError(error))
          store.log.warn({ code: 'PROJECTOR', error }, 'projector failed; trying again');
      },
    );
    this.#unsubscribe = store.signals.subscribe(() => this.#loop.wake());
  }

  async start(): Promise<void> {
    await this.#prepare();
    this.#loop.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await this.#loop.stop();
    await dropLeases(this.#store, this.#owner).catch(() => {});
  }

  /** Folds everything that is there now; gives how many events were read. */
  async catchUp(): Promise<number> {
    let read = 0;
    for (let found = -1; found !== 0; read += found) found = await this.#round();
    return read;
  }

  async #pass(): Promise<number> {
    return (await this.#round()) > 0 ? 0 : REST_MS;
  }

  async #round(): Promise<number> {
    await this.#prepare();
    let read = 0;
    let failure: unknown;
    // One that fails keeps none of the others from going on.
    for (const projection of this.#projections)
      read += await this.#advance(projection).catch((error: unknown) => {
        failure ??= error;
        return 0;
      });
    if (failure !== undefined && read === 0) throw failure;
    return read;
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    const client = await this.#store.database.pool.connect();
    try {
      await client.query('begin');
      // One maker at a time; the partitions' own locks have lower numbers.
      const { text, values } = lockPartition(this.#store, PREPARING);
      await client.query(text, values);
      for (const projection of this.#projections)
        await prepareTables(this.#store, client, projection);
      await client.query('commit');
      this.#prepared = true;
    } catch (error) {
      await client.query('rollback').catch(() => {});
      throw error;
    } finally {
      client.release();
    }
  }

  /** One batch of each partition that has any; then a version that has nearly caught up is served. */
  async #advance(projection: Projection): Promise<number> {
    const lease = await this.#leaseOf(projection);
    if (lease === undefined || lease.state === 'retired') return 0;
    const heads = await readHeads(this.#store);
    const folded = await this.#foldTo(projection, lease.fence, heads, BATCH);
    if (lease.state === 'building' && folded.isThere) {
      const catchUp = async (positions: ReadonlyMap<number, number>) =>
        (await this.#foldTo(projection, lease.fence, positions, MOST)).isThere;
      await swapIn(this.#store, projection, catchUp);
    }
    return folded.read;
  }

  /** Folds at most so many events of each partition, up to these positions. */
  async #foldTo(
    projection: Projection,
    fence: number,
    positions: ReadonlyMap<number, number>,
    most: number,
  ): Promise<{ readonly read: number; readonly isThere: boolean }> {
    const checkpoints = await readCheckpoints(this.#store, projection);
    let read = 0;
    let isThere = true;
    for (const [partition, position] of positions) {
      const from = checkpoints.get(partition) ?? 0;
      if (from >= position) continue;
      const limit = Math.min(most, position - from);
      const events = await readBehind(this.#store, partition, from, limit);
      if (!(await this.#apply(projection, fence, { partition, from, events })))
        return { read, isThere: false };
      read += events.length;
      isThere &&= from + events.length === position;
    }
    return { read, isThere };
  }

  /** Asked for again only now and then: each write checks it anyway. */
  async #leaseOf(projection: Projection): Promise<Lease | undefined> {
    const kept = this.#leases.get(projection);
    if (kept?.state === 'live' && performance.now() - kept.at < RENEW_MS) return kept;
    const lease = await takeLease(this.#store, projection, this.#owner);
    if (lease === undefined) this.#leases.delete(projection);
    else this.#leases.set(projection, { ...lease, at: performance.now() });
    return lease;
  }

  async #apply(projection: Projection, fence: number, batch: Batch): Promise<boolean> {
    const { partition, from, events } = batch;
    const concerns = concernsOf(projection, events);
    const keys = keysOf(projection, concerns);
    const before = await loadRows(this.#store, projection, [...keys.values()]);
    const rows = foldBatch(projection, concerns, before);
    const right = { owner: this.#owner, fence };
    const step = { partition, from, to: events.at(-1)!.position, ...right };
    const written = await writeRows(this.#store, projection, rows, step);
    if (!written) this.#leases.delete(projection);
    return written;
  }
}

function refuseTwice(projections: readonly Projection[]): void {
  const names = projections.map(({ name, version }) => `${name} ${version}`);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (projections.length === 0)
    throw new LedgerError('BAD_CONFIG', 'projections: expected at least one');
  if (twice.length > 0)
    throw new LedgerError('BAD_CONFIG', `projections: ${twice.join(', ')} is there twice`);
}

/** Beyond the numbers of partitions. */
const PREPARING = 1_000;

interface Batch {
  readonly partition: number;
  readonly from: number;
  readonly events: readonly RecordedEvent[];
}
