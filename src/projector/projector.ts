import { randomUUID } from 'node:crypto';
import type { LedgerProjector, Projection } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import { Loop } from '../service.js';
import { isConnectionError } from '../sql-errors.js';
import { dropLeases, takeBuilds, tellTrouble, type Build } from './builds.js';
import { readHeads } from './feed.js';
import { Folding } from './folding.js';
import { makeIndexes } from './projection-tables.js';
import { prepareBuilds } from './prepare.js';
import { judge, swapIn } from './swap.js';
import { unparkRequested } from './unpark.js';

/** Events of a partition that what is served takes at a time. */
const STEP = 4_000;
/** Events of a partition that a build may lack when it is about to be served. */
const MOST_LACKING = 10_000;
/** How long it rests when everything is folded, in milliseconds. */
const REST_MS = 200;
/** How often leases are renewed, in milliseconds: three times within their length. */
const RENEW_MS = 5_000;

/**
 * Keeps read models up to date: reads each partition behind its checkpoint, folds what it finds, and
 * writes rows and checkpoint together. Owns the tables of the read models; never writes the ledger. A
 * projector that dies at any point is taken over by another, from its last checkpoint; an event's
 * effect is there exactly once. A build that is new grows beside the one that is served, and takes its
 * place once it has caught up.
 */
export class Projector implements LedgerProjector {
  readonly #store: Store;
  readonly #projections: readonly Projection[];
  readonly #owner = randomUUID();
  readonly #served: Folding;
  readonly #growing: Folding;
  readonly #loops: readonly Loop[];
  readonly #unsubscribe: () => void;
  #taken: { readonly builds: readonly Build[]; readonly at: number } | undefined;
  #taking: Promise<readonly Build[]> | undefined;
  /** How often it has been heard that what we have taken may be out of date. */
  #changes = 0;
  #prepared: boolean;

  /** `makes`: whether it begins builds of versions that have none. */
  constructor(store: Store, projections: readonly Projection[], { makes = true } = {}) {
    refuseTwice(projections);
    this.#prepared = !makes;
    this.#store = store;
    this.#projections = projections;
    const lost = () => this.#forget();
    this.#served = new Folding(store, lost);
    this.#growing = new Folding(store, lost);
    // Apart, so that a long rebuild keeps nothing that is served from following.
    this.#loops = [() => this.#follow(), () => this.#grow()].map(
      (pass) =>
        new Loop(
          async () => ((await pass()) > 0 ? 0 : REST_MS),
          (error) => this.#tell(error),
        ),
    );
    this.#unsubscribe = store.signals.subscribe(({ what }) => {
      // Somebody has changed what there is to do.
      if (what === 'projections') this.#forget();
      this.#loops.forEach((loop, index) => (index === 0 || what === 'projections') && loop.wake());
    });
  }

  async start(): Promise<void> {
    await this.#prepare();
    for (const loop of this.#loops) loop.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    await dropLeases(this.#store, this.#owner).catch(() => {});
  }

  /** Folds everything that is there now; gives how many events were read. */
  async catchUp(): Promise<number> {
    await this.#prepare();
    let read = 0;
    for (let found = -1; found !== 0; read += found) {
      this.#forget();
      found = (await this.#grow()) + (await this.#follow());
    }
    return read;
  }

  /** One stretch of each partition for what is served, or was and may be again. */
  async #follow(): Promise<number> {
    const builds = (await this.#builds()).filter(({ state }) => state !== 'building');
    await unparkRequested(this.#store, builds);
    const heads = await readHeads(this.#store);
    const { read, isThere } = await this.#served.round(builds, heads, STEP);
    if (isThere) for (const build of builds) if (build.wanted) await this.#serve(build);
    return read;
  }

  /** One stretch of each partition for what is being built; then what has caught up is served. */
  async #grow(): Promise<number> {
    const builds = (await this.#builds()).filter(({ state }) => state === 'building');
    await unparkRequested(this.#store, builds);
    const heads = await readHeads(this.#store);
    const { read, isThere } = await this.#growing.round(builds, heads, Infinity);
    if (isThere) for (const build of builds) await this.#serve(build);
    return read;
  }

  async #serve(build: Build): Promise<void> {
    const verdict = await judge(this.#store, build);
    if (verdict === 'wait') return;
    if (verdict !== 'serve') {
      await tellTrouble(this.#store, build, verdict.refusal);
      return;
    }
    await makeIndexes(this.#store, this.#store.database.pool, build);
    const folding = build.state === 'building' ? this.#growing : this.#served;
    const catchUp = async (positions: ReadonlyMap<number, number>) =>
      (await folding.round([build], positions, MOST_LACKING)).isThere;
    if (await swapIn(this.#store, build, catchUp)) this.#forget();
  }

  /** Asked for again only now and then: each write checks it anyway. */
  async #builds(): Promise<readonly Build[]> {
    const now = performance.now();
    if (this.#taken !== undefined && now - this.#taken.at < RENEW_MS) return this.#taken.builds;
    this.#taking ??= takeBuilds(this.#store, this.#projections, this.#owner);
    const changes = this.#changes;
    try {
      const builds = await this.#taking;
      if (changes === this.#changes) this.#taken = { builds, at: now };
      return builds;
    } finally {
      this.#taking = undefined;
    }
  }

  #forget(): void {
    this.#taken = undefined;
    this.#changes += 1;
  }

  async #prepare(): Promise<void> {
    if (this.#prepared) return;
    await prepareBuilds(this.#store, this.#projections);
    this.#prepared = true;
  }

  #tell(error: unknown): void {
    if (isConnectionError(error)) return;
    this.#store.log.warn({ code: 'PROJECTOR', error }, 'projector failed; trying again');
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
