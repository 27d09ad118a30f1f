import type { Execution } from '../../ledger/outcome/execution.js';
import { moveInbox } from '../../ledger/inbox/move-inbox.js';
import type { Wake } from '../../ledger/signals.js';
import type { Store } from '../../ledger/store.js';
import { tally } from '../../ledger/query/tally.js';
import { isConnectionError } from '../../sql-errors.js';
import { Loop } from '../../service.js';
import { endCanceled } from './cancel-grace.js';
import { lead, resign } from './leadership.js';
import { promoteDue } from './promote.js';
import { Reaper } from './reap.js';

/** Longest sleep of the promoter, so that jobs scheduled elsewhere start in time without NOTIFY. */
const PROMOTE_MS = 200;
const MOVE_MS = 100;
const REAP_MS = 500;
const TALLY_MS = 2_000;
const LEAD_MS = 500;
/** Every so often the mover looks from the start: rows may commit later than higher ids. */
const SWEEP_MS = 1_000;

/**
 * The work that one process does for all: promote what is due, move the inbox into the ledger, reap
 * dead workers, end canceled attempts, keep the tallies. Every worker offers itself; one leads.
 */
export class Maintenance {
  readonly #store: Store;
  readonly #worker: () => number | undefined;
  readonly #cancelGraceMs: number;
  readonly #changed: (executions: readonly Execution[]) => void;
  readonly #reaper: Reaper;
  readonly #loops: readonly Loop[];
  #unsubscribe = () => {};
  #leads = false;
  #inboxAt = 0;
  /** Partitions that could not be promoted: they come last, so that the others need not wait. */
  #troubled: ReadonlySet<number> = new Set();
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(
    store: Store,
    worker: () => number | undefined,
    cancelGraceMs: number,
    changed: (executions: readonly Execution[]) => void,
  ) {
    this.#store = store;
    this.#worker = worker;
    this.#cancelGraceMs = cancelGraceMs;
    this.#changed = changed;
    this.#reaper = new Reaper(store, changed);
    this.#loops = [
      this.#loop('lead', () => this.#lead()),
      this.#loop('promote', () => this.#promote()),
      this.#loop('move', () => this.#move()),
      this.#loop('reap', () => this.#reap()),
      this.#loop('tally', () => this.#tally()),
    ];
  }

  start(): void {
    this.#unsubscribe = this.#store.signals.subscribe((wake) => this.#hear(wake));
    for (const loop of this.#loops) loop.start();
  }

  async stop(): Promise<void> {
    this.#unsubscribe();
    await Promise.all(this.#loops.map((loop) => loop.stop()));
    const worker = this.#worker();
    if (this.#leads && worker !== undefined) await resign(this.#store, worker).catch(() => {});
    this.#leads = false;
  }

  #loop(name: string, pass: () => Promise<number>): Loop {
    const failed = (error: unknown) => {
      // After an outage every worker gets a whole lease to be heard of again.
      if (isConnectionError(error)) return this.#reaper.forget();
      this.#store.log.warn({ code: 'MAINTENANCE', pass: name, error }, 'maintenance pass failed');
    };
    return new Loop(pass, failed);
  }

  #hear(wake: Wake): void {
    if (wake.what === 'scheduled') this.#loops[1]!.wake();
    if (wake.what === 'inbox') this.#loops[2]!.wake();
  }

  async #lead(): Promise<number> {
    const worker = this.#worker();
    const leads = worker !== undefined && (await lead(this.#store, worker));
    if (leads && !this.#leads) {
      this.#reaper.forget();
      for (const loop of this.#loops.slice(1)) loop.wake();
    }
    this.#leads = leads;
    return LEAD_MS;
  }

  async #promote(): Promise<number> {
    if (!this.#leads) return PROMOTE_MS;
    const { nextMs, failed } = await promoteDue(this.#store, this.#troubled);
    this.#troubled = failed;
    return Math.min(PROMOTE_MS, nextMs);
  }

  async #move(): Promise<number> {
    if (!this.#leads) return MOVE_MS;
    const sweep = performance.now() - this.#sweptAt > SWEEP_MS;
    const { moved, lastId } = await moveInbox(this.#store, sweep ? 0 : this.#inboxAt, sweep);
    if (sweep) this.#sweptAt = performance.now();
    this.#inboxAt = Math.max(this.#inboxAt, lastId);
    return moved > 0 && !sweep ? 0 : MOVE_MS;
  }

  async #reap(): Promise<number> {
    if (!this.#leads) return REAP_MS;
    const decided = await this.#reaper.pass();
    this.#changed(await endCanceled(this.#store, this.#cancelGraceMs));
    return decided > 0 ? 0 : REAP_MS;
  }

  async #tally(): Promise<number> {
    if (this.#leads) await tally(this.#store);
    return TALLY_MS;
  }
}
