import type { ClaimSummary } from '../ledger/claim/claim-statement.js';
import {
  peekStatement,
  waitingKindsStatement,
  type LineStretch,
  type PeekedRow,
} from '../ledger/claim/peek-statement.js';
import type { Store } from '../ledger/store.js';
import { isConnectionError, isLockTimeout } from '../sql-errors.js';
import { Attempt } from './attempt.js';
import type { Capacity } from './capacity.js';
import { ClaimFacts } from './claim-facts.js';
import { Lines, type Line } from './lines.js';
import type { WorkerSettings } from './options.js';
import { Outage } from './outage.js';
import { sendClaim, sendLoneClaim } from './send-claim.js';
import { StrayWatch } from './stray-watch.js';
import { Targets } from './targets.js';
import { warmUp } from './warm-up.js';

/**
 * Claims in flight at a time: while some are at the store, others' replies are being read. Workers
 * share this number, since more sessions at work than the server has cores only slow each other.
 */
const LANES = 4;
const PAUSE_MS = 250;

export interface ClaimerHost {
  readonly capacity: Capacity;
  /** The incarnation to claim for; undefined while there is none. */
  worker(): number | undefined;
  /** Whether new work may begin at all (no shutdown, no job of the quarantine running). */
  mayClaim(): boolean;
  claimed(attempts: readonly Attempt[]): void;
  /** The claim found this incarnation dead. */
  lost(worker: number): void;
}

/**
 * Gets work: looks which lines have any, most urgent first, and claims from one line at a time as
 * long as there is capacity. Wakes name a line; a poll looks at all. Claims whose reply is lost are
 * not asked for again: the next heartbeat finds their leases and gives them back.
 */
export class Claimer {
  readonly #store: Store;
  readonly #settings: WorkerSettings;
  readonly #host: ClaimerHost;
  readonly #lines = new Lines();
  readonly #outage: Outage;
  readonly #strays: StrayWatch;
  readonly #inFlight = new Set<number>();
  #kinds: Set<string>;
  readonly #targets = new Targets();
  #peeking = false;
  #pausedUntil = 0;
  #lanes = LANES;
  #isWarm = false;
  #lastClaim = 0;
  /** Rows that the latest claim saw: where they come one by one, one is claimed. */
  #lastSeen = 0;
  /** A job in quarantine heads a line; a line is headed by a job that only a free slot may take. */
  #quarantineWaits = false;
  #slotWaits = false;

  constructor(store: Store, settings: WorkerSettings, host: ClaimerHost) {
    this.#store = store;
    this.#settings = settings;
    this.#host = host;
    this.#kinds = new Set(settings.jobs.keys());
    this.#outage = new Outage(store.log);
    this.#strays = new StrayWatch(store);
  }

  /** Claims whose replies have not come. */
  get inFlight(): ReadonlySet<number> {
    return this.#inFlight;
  }

  /** A line is said to have work. */
  hint(line: Line): void {
    if (!this.#settings.queues.includes(line.queue)) return;
    this.#targets.hint({ partition: line.partition, queue: line.queue });
    this.pump();
  }

  /** Looks at every line, before and behind our place in it: finds what no wake told of, and what lies behind our place. */
  async poll(): Promise<void> {
    if (!this.#host.mayClaim()) return;
    if (this.#settings.failUnknownKinds) await this.#findKinds();
    const since = performance.now();
    const rows = await this.#peek((line) =>
      this.#lines.sweep(line, this.#kinds).map((one) => ({ ...one, ...line })),
    );
    for (const row of rows) this.#lines.stepBack(row, row.kind, row.priority, row.seq);
    this.#targets.order(rows, since);
    this.pump();
    this.#advise(this.#strays.again());
    if (this.#targets.size === 0 && this.#inFlight.size === 0) await this.#warmUpOnce();
  }

  async #warmUpOnce(): Promise<void> {
    const worker = this.#host.worker();
    if (this.#isWarm || worker === undefined) return;
    this.#isWarm = true;
    await warmUp(this.#store, worker);
  }

  /** Claims as much as capacity and lines allow. Call it whenever either may have grown. */
  pump(): void {
    while (this.#mayStart()) {
      if (this.#targets.isOrderStale) {
        void this.#reorder();
        // While claims are under way the old order does: waiting would leave the store idle.
        if (this.#inFlight.size === 0) return;
      }
      const wanted = this.#wanted();
      if (wanted === 0) return;
      const line = this.#targets.take();
      if (line === undefined) return;
      void this.#claim(line, wanted);
    }
  }

  #mayStart(): boolean {
    return (
      this.#inFlight.size < this.#lanes &&
      this.#targets.size > 0 &&
      performance.now() >= this.#pausedUntil &&
      this.#host.worker() !== undefined &&
      this.#host.mayClaim()
    );
  }

  /** A job in quarantine is taken alone: nothing may be claimed beside it, or wait behind it. */
  #wanted(): number {
    const { capacity } = this.#host;
    if (this.#quarantineWaits) return this.#isAlone() && capacity.hasSlot ? 1 : 0;
    return this.#slotWaits ? capacity.free : capacity.wanted();
  }

  #isAlone(): boolean {
    return this.#host.capacity.buffered + this.#host.capacity.reserved === 0;
  }

  #isIdle(): boolean {
    return this.#isAlone() && this.#host.capacity.running === 0;
  }

  async #claim(line: Line, limit: number): Promise<void> {
    const { capacity } = this.#host;
    const worker = this.#host.worker()!;
    const claim = ++this.#lastClaim;
    const free = Math.min(limit, capacity.free);
    // Only once it is known to wait, since by then no other claim is under way.
    const quarantine = this.#quarantineWaits && this.#isAlone();
    const isLone = this.#isIdle() && this.#lastSeen < 2 && !quarantine;
    capacity.reserved += limit;
    this.#inFlight.add(claim);
    let isLocked = false;
    try {
      const stretches = this.#lines.stretches(line, this.#kinds);
      const asked = { worker, claim, queue: line.queue, stretches, free, limit, quarantine };
      const send = isLone ? sendLoneClaim : sendClaim;
      const claimed = await send(this.#store, line.partition, asked);
      isLocked = claimed === undefined;
      if (claimed === undefined) return;
      const { summary, rows } = claimed;
      const facts = new ClaimFacts({ ...line, worker, claim, at: summary.at });
      const attempts = rows.map((row) => new Attempt(row, facts));
      this.#received(line, isLone ? 2 : limit, summary, attempts);
      if (!summary.alive) this.#host.lost(worker);
    } catch (error) {
      this.#targets.first(line);
      this.#failed(error);
    } finally {
      capacity.reserved -= limit;
      this.#inFlight.delete(claim);
      if (isLocked) this.#targets.rest(line, () => this.pump());
      else this.#targets.free(line);
      this.pump();
    }
  }

  #received(line: Line, limit: number, summary: ClaimSummary, attempts: readonly Attempt[]): void {
    this.#outage.answered(true);
    const { taken, seen, quarantined } = summary;
    this.#lastSeen = seen;
    this.#lines.advance(
      line,
      attempts.map((one) => one.row),
    );
    const stopped = taken === 0 && seen > 0;
    this.#quarantineWaits = quarantined && stopped;
    this.#slotWaits = !quarantined && stopped;
    if (stopped) this.#targets.first(line);
    else if (seen === limit || taken < seen) this.#targets.last(line);
    if (seen === 0) this.#lookForStrays(line);
    if (attempts.length > 0) this.#host.claimed(attempts);
  }

  #lookForStrays(line: Line): void {
    const everywhere = () => this.#lines.sweep(line, this.#kinds);
    this.#advise(this.#strays.look(line, everywhere));
  }

  /** Claims go on without it. */
  #advise(look: Promise<void>): void {
    look.catch((error: unknown) => {
      if (!isConnectionError(error)) this.#store.log.warn({ error }, 'look for strays failed');
    });
  }

  #failed(error: unknown): void {
    this.#pausedUntil = performance.now() + PAUSE_MS;
    setTimeout(() => this.pump(), PAUSE_MS + 1).unref();
    if (isConnectionError(error)) return this.#outage.failed(error as Error);
    if (isLockTimeout(error)) return;
    this.#store.log.error({ error }, 'claim failed; trying again');
  }

  async #reorder(): Promise<void> {
    if (this.#peeking) return;
    this.#peeking = true;
    const since = performance.now();
    try {
      const rows = await this.#peek((line) =>
        this.#lines.stretches(line, this.#kinds).map((one) => ({ ...one, ...line })),
      );
      this.#targets.order(rows, since);
    } catch (error) {
      this.#failed(error);
    } finally {
      this.#peeking = false;
    }
    this.pump();
  }

  async #peek(stretchesOf: (line: Line) => readonly LineStretch[]): Promise<readonly PeekedRow[]> {
    const lines = this.#settings.queues.flatMap((queue) =>
      Array.from({ length: this.#store.partitions }, (_, partition) => ({ partition, queue })),
    );
    const { queues } = this.#settings;
    const behind = this.#host.capacity.reach * this.#store.partitions * 2;
    const onlooker = { worker: this.#host.worker() ?? 0, queues, behind };
    const statement = peekStatement(this.#store, lines.flatMap(stretchesOf), onlooker);
    try {
      const result = await this.#store.database.pool.query<PeekedRow>(
        this.#store.database.pooler
          ? { text: statement.text, values: statement.values }
          : statement,
      );
      this.#outage.answered(false);
      this.#lanes = Math.max(1, Math.floor(LANES / (result.rows[0]?.workers ?? 1)));
      return result.rows;
    } catch (error) {
      if (isConnectionError(error)) this.#outage.failed(error as Error);
      throw error;
    }
  }

  async #findKinds(): Promise<void> {
    const statement = waitingKindsStatement(this.#store, this.#settings.queues);
    const result = await this.#store.database.pool.query<{ kind: string }>(statement);
    this.#kinds = new Set([...this.#settings.jobs.keys(), ...result.rows.map(({ kind }) => kind)]);
    this.#lines.forgetKindsBut(this.#kinds);
  }
}
