import { randomUUID } from 'node:crypto';
import type { LedgerProjector, Projection } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import { terminateHolder } from '../ledger/lock-holder.js';
import { wake } from '../ledger/wake.js';
import { inTurn, Loop } from '../service.js';
import { asStoreError, isConnectionError, isLockTimeout } from '../sql-errors.js';
import { copyLock, dropLeases, readStuck, takeBuilds, type Build, type Taken } from './builds.js';
import { dropSuperseded } from './drop-build.js';
import { readHeads } from '../ledger/heads.js';
import { Folding } from './folding.js';
import { Pacing } from '../ledger/pacing.js';
import { prepareBuilds } from './prepare.js';
import { isLacking } from './prepare-build.js';
import { Replay } from './replay.js';
import { Serving } from './serving.js';
import { unparkRequested } from './unpark.js';

/** Events of a partition that what is served takes at a time. */
const STEP = 4_000;
/** How long it rests when nothing is to be built, in milliseconds. */
const REST_MS = 200;
/** How often leases are renewed, in milliseconds: three times within their length. */
const RENEW_MS = 5_000;
/** The same where one of them could not be renewed, since its build was being written. */
const AGAIN_MS = 500;

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
  readonly #replay: Replay;
  readonly #loops: readonly Loop[];
  readonly #unsubscribe: () => void;
  readonly #serving: Serving;
  readonly #pacing = new Pacing();
  #isBehind = false;
  /** One pass of each sort at a time, whoever asks for it: two would write the same rows. */
  readonly #follow = inTurn(() => this.#followOnce());
  readonly #grow = inTurn(() => this.#growOnce());
  /** Builds that are being grown, whatever they have become meanwhile. */
  readonly #inGrowth = new Set<number>();
  #taken: { readonly builds: readonly Build[]; readonly until: number } | undefined;
  #taking: Promise<Taken> | undefined;
  /** How often it has been heard that what we have taken may be out of date. */
  #changes = 0;
  readonly #makes: boolean;
  #prepared: boolean;

  /** `makes`: whether it begins builds of versions that have none. */
  constructor(store: Store, projections: readonly Projection[], { makes = true } = {}) {
    refuseTwice(projections);
    this.#makes = makes;
    this.#prepared = !makes;
    this.#store = store;
    this.#projections = projections;
    const lost = () => this.#forget();
    this.#served = new Folding(store, lost);
    this.#growing = new Folding(store, lost);
    this.#replay = new Replay(store, lost);
    this.#serving = new Serving(store);
    // Apart, so that a long rebuild keeps nothing that is served from following.
    this.#loops = [() => this.#followPaced(), () => this.#growOn()].map(
      (pass) => new Loop(pass, (error) => this.#tell(error)),
    );
    this.#unsubscribe = store.signals.subscribe(({ what }) => {
      // Somebody has changed what there is to do.
      if (what === 'projections') this.#forget();
      if (what === 'projections') for (const loop of this.#loops) loop.wake();
      else if (this.#pacing.hear()) this.#loops[0]!.wake();
    });
  }

  async start(): Promise<void> {
    await this.#prepare().catch((error: unknown) => {
      throw asStoreError(error);
    });
    for (const loop of this.#loops) loop.start();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    // Others take over at once what they hear of.
    if (await dropLeases(this.#store, this.#owner).catch(() => false))
      wake(this.#store, { what: 'projections' });
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

  async #followPaced(): Promise<number> {
    this.#pacing.begin();
    const read = await this.#follow();
    return this.#pacing.rest(read, this.#isBehind);
  }

  async #growOn(): Promise<number> {
    return (await this.#grow()) > 0 ? 0 : REST_MS;
  }

  /** One stretch of each partition for what is served, or was and may be again. */
  async #followOnce(): Promise<number> {
    const builds = (await this.#builds()).filter(
      ({ id, state }) => state !== 'building' && !this.#inGrowth.has(id),
    );
    await unparkRequested(this.#store, builds);
    const heads = await readHeads(this.#store);
    // Apart, so that one that is far behind keeps no other from following.
    const pace = { most: STEP, together: false };
    const { read, behind } = await this.#served.round(builds, heads, pace);
    this.#isBehind = behind.size > 0;
    for (const build of builds)
      if (build.wanted) await this.#serve(build, this.#served, !behind.has(build.id));
    return read;
  }

  /** One stretch of each partition for what is being built; then what has caught up is served. */
  async #growOnce(): Promise<number> {
    const builds = (await this.#builds()).filter(({ state }) => state === 'building');
    for (const { id } of builds) this.#inGrowth.add(id);
    try {
      await unparkRequested(this.#store, builds);
      const heads = await readHeads(this.#store);
      const pace = { most: Infinity, together: true };
      const replayed = await this.#replay.round(builds, heads);
      const through = builds.filter(({ id }) => !replayed.behind.has(id));
      const { read, behind } = await this.#growing.round(through, heads, pace);
      for (const build of through) await this.#serve(build, this.#growing, !behind.has(build.id));
      return replayed.read + read;
    } finally {
      this.#inGrowth.clear();
    }
  }

  async #serve(build: Build, folding: Folding, isThere: boolean): Promise<void> {
    if (!(await this.#serving.serve(build, folding, isThere))) return;
    this.#forget();
    await dropSuperseded(this.#store, namesIn([build]));
  }

  /** Asked for again only now and then: each write checks it anyway. */
  async #builds(): Promise<readonly Build[]> {
    const now = performance.now();
    if (this.#taken !== undefined && now < this.#taken.until) return this.#taken.builds;
    const changes = this.#changes;
    this.#taking ??= this.#take().finally(() => (this.#taking = undefined));
    const { builds, isRenewed } = await this.#taking;
    const restMs = isRenewed ? RENEW_MS : AGAIN_MS;
    if (changes === this.#changes) this.#taken = { builds, until: now + restMs };
    return builds;
  }

  async #take(): Promise<Taken> {
    if (this.#makes && (await isLacking(this.#store, this.#projections)))
      await prepareBuilds(this.#store, this.#projections);
    const taken = await takeBuilds(this.#store, this.#projections, this.#owner);
    for (const build of await readStuck(this.#store, this.#projections))
      await terminateHolder(this.#store, copyLock(build));
    const retired = taken.builds.filter(({ state }) => state === 'retired');
    if (retired.length > 0) await dropSuperseded(this.#store, namesIn(retired));
    return taken;
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
    // Who serves another build keeps the live one locked for a moment.
    if (isConnectionError(error) || isLockTimeout(error)) return;
    this.#store.log.warn({ code: 'PROJECTOR', error }, 'projector failed; trying again');
  }
}

function namesIn(builds: readonly Build[]): readonly string[] {
  return builds.map(({ projection }) => projection.name);
}

function refuseTwice(projections: readonly Projection[]): void {
  const names = projections.map(({ name, version }) => `${name} ${version}`);
  const twice = names.filter((name, index) => names.indexOf(name) !== index);
  if (projections.length === 0)
    throw new LedgerError('BAD_CONFIG', 'projections: expected at least one');
  if (twice.length > 0)
    throw new LedgerError('BAD_CONFIG', `projections: ${twice.join(', ')} is there twice`);
}
