import { setTimeout as pause } from 'node:timers/promises';
import type { LedgerWorker, WorkerOptions } from '../api-worker.js';
import { isLedgerError, LedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import { detached } from '../tracing.js';
import type { ContextTools } from './context.js';
import { threadProblems } from './heartbeat-config.js';
import { Incarnation } from './incarnation.js';
import { workerSettings, type WorkerSettings } from './options.js';
import { unregister } from './registration.js';
import { withinTime } from './shutdown.js';

/**
 * A worker: claims jobs, runs their handlers, records how they ended. It owns leases, never state:
 * whatever it holds can be lost with the process and is decided by others. It promises that every
 * run is recorded before it begins and every outcome counts once; it never finishes an attempt that
 * is no longer its own. When its heartbeat finds it declared dead (after a pause of the process, say)
 * it goes on under a new id; ids are never used twice.
 */
export class Worker implements LedgerWorker {
  readonly #store: Store;
  readonly #settings: WorkerSettings;
  readonly #tools: Pick<ContextTools, 'enqueue'>;
  readonly ended: Promise<string>;
  #end!: (reason: string) => void;
  #fail!: (error: Error) => void;
  #incarnation: Incarnation | undefined;
  /** Lives that were declared dead; their handlers may still bring outcomes, to be rejected. */
  readonly #abandoned = new Set<Incarnation>();
  #unlisten = () => {};
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #finished = false;

  constructor(store: Store, options: WorkerOptions, tools: Pick<ContextTools, 'enqueue'>) {
    this.#store = store;
    this.#settings = workerSettings(options, threadProblems(store.database.config));
    this.#tools = tools;
    this.ended = new Promise((resolve, reject) => {
      this.#end = resolve;
      this.#fail = reject;
    });
    this.ended.catch(() => {});
  }

  get id(): number | undefined {
    return this.#incarnation?.id;
  }

  /** Begins to work. A start that fails leaves nothing behind and can be repeated. */
  start(): Promise<void> {
    if (this.#stopping !== undefined) {
      return Promise.reject(
        new LedgerError('LEDGER_CLOSED', 'worker: it was stopped; make a new one'),
      );
    }
    this.#starting ??= detached(() => this.#beginFirst());
    return this.#starting;
  }

  stop(options: { readonly graceMs?: number } = {}): Promise<void> {
    const graceMs = options.graceMs ?? this.#settings.shutdownGraceMs;
    this.#stopping ??= detached(() => this.#finish(graceMs));
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #beginFirst(): Promise<void> {
    this.#listen();
    try {
      await this.#begin();
    } catch (error) {
      this.#unlisten();
      this.#starting = undefined;
      throw error;
    }
  }

  async #begin(): Promise<void> {
    const incarnation = new Incarnation(this.#store, this.#settings, this.#tools, {
      lost: () => this.#declaredDead(incarnation),
      stalled: (why) => void this.#stall(incarnation, why),
    });
    try {
      await incarnation.start();
    } catch (error) {
      // It claimed nothing yet. If the store is away, the reaper finds the row later.
      if (incarnation.id !== undefined)
        await unregister(this.#store, incarnation.id).catch(() => {});
      throw error;
    }
    // Its stop did not wait: what has begun after all ends at once.
    if (this.#finished) return incarnation.stop(0);
    this.#incarnation = incarnation;
  }

  /** From its start to its stop, whatever lives it has meanwhile. */
  #listen(): void {
    const { transitions } = this.#store;
    const { onTransition } = this.#settings;
    const underway = (jobId: string) =>
      [...this.#abandoned, this.#incarnation].map((life) => life?.underway(jobId)).find(Boolean);
    const leave = transitions.join(underway);
    const unlisten = onTransition && transitions.listen(onTransition);
    this.#unlisten = () => {
      leave();
      unlisten?.();
      this.#unlisten = () => {};
    };
  }

  /** Declared dead, but this process lives: old attempts are told, new ones run under a new id. */
  #declaredDead(dead: Incarnation): void {
    if (this.#incarnation !== dead || this.#stopping !== undefined) return;
    this.#incarnation = undefined;
    this.#store.log.warn(
      { code: 'LEASE_LOST', worker: dead.id },
      'this worker was declared dead; going on under a new id',
    );
    this.#abandoned.add(dead);
    // A stop that comes meanwhile waits for this, and then stops what has begun.
    this.#starting = this.#rebirth(dead);
  }

  async #rebirth(dead: Incarnation): Promise<void> {
    await dead.abandon('lease-lost');
    while (this.#stopping === undefined) {
      try {
        return await this.#begin();
      } catch (error) {
        // Nothing of what this process knows holds there.
        if (isLedgerError(error, 'OTHER_LEDGER')) return this.#fail(error);
        await pause(REBIRTH_PAUSE_MS);
      }
    }
  }

  /** Wins over being declared dead, whichever is heard of first: a loop like this is at fault. */
  async #stall(stalled: Incarnation, why: string): Promise<void> {
    if (this.#stopping !== undefined) return;
    this.#store.log.error(
      { code: 'WORKER_STALLED', worker: stalled.id, why },
      'worker gives its leases up',
    );
    this.#stopping = this.#giveUp();
    await this.#stopping;
    this.#fail(new LedgerError('INTERNAL', `worker: ${why}`));
  }

  /** Outcomes under way are still brought home; handlers that go on are not waited for. */
  async #giveUp(): Promise<void> {
    await this.#starting?.catch(() => {});
    const lives = new Set(this.#abandoned);
    if (this.#incarnation !== undefined) lives.add(this.#incarnation);
    await Promise.all(
      [...lives].map((life) => life.abandon('lease-lost').then(() => life.retire(0))),
    );
    this.#unlisten();
  }

  async #finish(graceMs: number): Promise<void> {
    if (this.#starting !== undefined)
      await withinTime(this.#starting, performance.now() + graceMs + START_GRACE_MS);
    this.#finished = true;
    const abandoned = [...this.#abandoned].map((dead) => dead.retire(graceMs));
    await Promise.all([this.#incarnation?.stop(graceMs), ...abandoned]);
    this.#unlisten();
    this.#end('stopped');
  }
}

const REBIRTH_PAUSE_MS = 1_000;
/** How long beyond its grace a stop waits for a start that the store does not answer, in milliseconds. */
const START_GRACE_MS = 2_000;
