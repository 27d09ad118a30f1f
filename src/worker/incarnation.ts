import type { AbortReason } from '../job/define.js';
import type { Wake } from '../ledger/signals.js';
import type { Store } from '../ledger/store.js';
import { Loop } from '../service.js';
import { isConnectionError } from '../sql-errors.js';
import { detached } from '../tracing.js';
import type { Attempt } from './attempt.js';
import { Capacity } from './capacity.js';
import { Claimer } from './claimer.js';
import type { ContextTools } from './context.js';
import { Deadlines } from './deadlines.js';
import { Heartbeat } from './heartbeat.js';
import { Maintenance } from './maintenance/maintenance.js';
import type { WorkerSettings } from './options.js';
import { OutcomeBuffer } from './outcome-buffer.js';
import { recordProgress } from './progress.js';
import { reconcile } from './reconcile.js';
import { deregister, register } from './registration.js';
import { Report } from './report.js';
import { expire, release, runAttempt, type Executor } from './run-attempt.js';
import { drain, withinTime } from './shutdown.js';

const PROGRESS_MS = 1_000;
const YIELD_MS = 250;

export interface IncarnationListener {
  lost(): void;
  stalled(why: string): void;
}

/** One life of a worker, under one id: from its registration to its end or its being declared dead. */
export class Incarnation {
  readonly #store: Store;
  readonly #settings: WorkerSettings;
  readonly #listener: IncarnationListener;
  readonly #capacity: Capacity;
  readonly #claimer: Claimer;
  readonly #outcomes: OutcomeBuffer;
  readonly #maintenance: Maintenance;
  readonly #executor: Executor;
  readonly #report: Report;
  readonly #poll: Loop;
  readonly #progress: Loop;
  readonly #yield: Loop;
  /** Claimed and not yet answered for by the ledger. */
  readonly #held = new Map<string, Attempt>();
  readonly #progressed = new Set<Attempt>();
  #buffer: Attempt[] = [];
  #heartbeat: Heartbeat | undefined;
  #unsubscribe = () => {};
  #claiming = false;
  /** Jobs that run alone; one that has been decided keeps its slot, but no longer the worker. */
  readonly #quarantined = new Set<Attempt>();
  id: number | undefined;

  constructor(
    store: Store,
    settings: WorkerSettings,
    tools: Pick<ContextTools, 'enqueue'>,
    listener: IncarnationListener,
  ) {
    this.#store = store;
    this.#settings = settings;
    this.#listener = listener;
    this.#capacity = new Capacity(settings.concurrency, settings.fetchAhead);
    this.#report = new Report(store);
    this.#claimer = new Claimer(store, settings, {
      capacity: this.#capacity,
      worker: () => this.id,
      mayClaim: () => this.#claiming && this.#quarantined.size === 0,
      claimed: (attempts) => this.#claimed(attempts),
      lost: () => this.#lost(),
    });
    this.#outcomes = new OutcomeBuffer(store, {
      recorded: (ended) => {
        this.#drop(ended.attempt);
        this.#report.ended(ended);
        ended.attempt.answered();
      },
      resolved: (attempt, execution) => {
        this.#drop(attempt);
        this.#report.resolved(attempt, execution);
        attempt.answered();
      },
    });
    this.#maintenance = new Maintenance(
      store,
      () => this.id,
      settings.cancelGraceMs,
      (executions) => this.#report.executed(executions),
    );
    this.#executor = {
      settings,
      deadlines: new Deadlines((attempt) => expire(attempt, this.#executor)),
      log: store.log,
      enqueue: tools.enqueue,
      settled: (attempt) => {
        this.#outcomes.add(attempt);
        this.#leaveQuarantine(attempt);
      },
      progressed: (attempt) => void this.#progressed.add(attempt),
    };
    const failed = (what: string) => (error: unknown) => {
      if (!isConnectionError(error)) store.log.warn({ error }, `${what} failed; trying again`);
    };
    this.#poll = new Loop(
      () => this.#claimer.poll().then(() => settings.pollIntervalMs),
      failed('poll'),
    );
    this.#progress = new Loop(
      () => recordProgress(store, this.#progressed).then(() => PROGRESS_MS),
      failed('progress'),
    );
    this.#yield = new Loop(() => this.#yieldBuffer(), failed('giving back'));
  }

  async start(): Promise<void> {
    this.id = await register(this.#store, this.#settings);
    this.#heartbeat = new Heartbeat(this.#store, this.#settings, this.id, {
      beat: () => void this.#reconcile(),
      lost: () => this.#lost(),
      stalled: (why) => this.#listener.stalled(why),
    });
    this.#unsubscribe = this.#store.signals.subscribe((wake) => detached(() => this.#hear(wake)));
    this.#claiming = true;
    if (this.#settings.maintenance) this.#maintenance.start();
    this.#poll.start();
    this.#progress.start();
    this.#yield.start();
    void this.#report.unattended();
  }

  /** The attempt of a job whose outcome is on its way to the ledger. */
  underway(jobId: string): Attempt | undefined {
    const attempt = this.#held.get(jobId);
    return attempt?.isUnderway === true ? attempt : undefined;
  }

  /** Stops claiming, lets handlers end within the grace, gives the rest back. */
  async stop(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    this.#claiming = false;
    this.#releaseBuffer('shutdown');
    const loops = this.#stopLoops();
    // A claim on its way may still bring attempts, and they too want to be given back.
    await drain(
      this.#held,
      deadline,
      this.#settings.shutdownAbortMs,
      () => this.#held.size > 0 || this.#claimer.inFlight.size > 0,
    );
    for (const attempt of this.#held.values()) this.#settle(attempt, 'shutdown');
    const patience = deadline + FLUSH_GRACE_MS;
    await this.#flush(patience);
    await withinTime(loops, patience);
    await this.#end('stopped', patience);
  }

  /** The leases are gone: handlers are told, and what they still bring is recorded as rejected. */
  async abandon(reason: AbortReason): Promise<void> {
    this.#claiming = false;
    this.#buffer = [];
    this.#capacity.buffered = 0;
    for (const attempt of this.#held.values()) {
      attempt.abort(reason);
      if (attempt.beganAt === 0) this.#drop(attempt);
    }
    const patience = performance.now() + FLUSH_GRACE_MS;
    await withinTime(this.#stopLoops(), patience);
    await this.#end(reason, patience);
  }

  /** Waits for the handlers of an abandoned life, as far as the grace goes; then nothing is left. */
  async retire(graceMs: number): Promise<void> {
    const deadline = performance.now() + graceMs;
    await drain(this.#held, deadline, 0, () => this.#held.size > 0);
    await this.#flush(deadline + FLUSH_GRACE_MS);
    this.#outcomes.giveUp();
  }

  #stopLoops(): Promise<unknown> {
    return Promise.all([this.#poll, this.#progress, this.#yield].map((loop) => loop.stop()));
  }

  /** In order: while the heartbeat beats, nobody else reaps what is still being given back. */
  async #end(reason: string, deadline: number): Promise<void> {
    this.#unsubscribe();
    await withinTime(this.#maintenance.stop(), deadline);
    await this.#heartbeat?.stop();
    if (this.id === undefined) return;
    await withinTime(deregister(this.#store, this.id, reason), deadline);
  }

  /** Outcomes are worth waiting for, but a store that is away must not keep the process. */
  async #flush(deadline: number): Promise<void> {
    const patience = setTimeout(
      () => this.#outcomes.giveUp(),
      Math.max(0, deadline - performance.now()),
    );
    await this.#outcomes.drain();
    clearTimeout(patience);
  }

  #hear(wake: Wake): void {
    if (wake.what === 'ready') this.#claimer.hint(wake);
    // What is back may stand before what was claimed already, where only a poll looks.
    if (wake.what === 'ready' && wake.returned && this.#claiming) this.#poll.wake();
    if (wake.what === 'cancel' && wake.worker === this.id) void this.#reconcile();
  }

  #lost(): void {
    this.#claiming = false;
    this.#listener.lost();
  }

  #claimed(attempts: readonly Attempt[]): void {
    this.#report.started(attempts);
    for (const attempt of attempts) this.#held.set(attempt.jobId, attempt);
    this.#buffer.push(...attempts);
    this.#capacity.buffered += attempts.length;
    if (!this.#claiming) this.#releaseBuffer('shutdown');
    this.#begin();
  }

  /** Starts what waits in the buffer, as far as there are slots. */
  #begin(): void {
    while (this.#buffer.length > 0 && this.#capacity.hasSlot) {
      const attempt = this.#buffer.shift()!;
      this.#capacity.buffered--;
      if (attempt.outcome !== undefined) continue;
      if (attempt.isQuarantined) this.#quarantined.add(attempt);
      this.#capacity.begun(performance.now());
      void runAttempt(attempt, this.#executor).then(() => this.#returned(attempt));
    }
  }

  #returned(attempt: Attempt): void {
    const now = performance.now();
    this.#quarantined.delete(attempt);
    this.#capacity.ended(now, now - attempt.beganAt);
    this.#begin();
    this.#claimer.pump();
  }

  async #reconcile(): Promise<void> {
    if (this.id === undefined) return;
    try {
      const holdings = { worker: this.id, held: this.#held, inFlight: this.#claimer.inFlight };
      const { canceled, gone } = await reconcile(this.#store, holdings);
      for (const attempt of canceled) this.#cancel(attempt);
      for (const attempt of gone) this.#bereave(attempt);
    } catch (error) {
      if (!isConnectionError(error))
        this.#store.log.warn({ error }, 'comparing leases failed; trying again');
    }
  }

  #cancel(attempt: Attempt): void {
    if (attempt.cancelSeen) return;
    attempt.cancelSeen = true;
    attempt.abort('canceled');
    if (attempt.beganAt === 0) this.#settle(attempt, 'canceled');
  }

  /** Somebody else has decided this attempt (a cancel's grace is over, say): its handler is told. */
  #bereave(attempt: Attempt): void {
    attempt.abort('lease-lost');
    this.#leaveQuarantine(attempt);
  }

  #leaveQuarantine(attempt: Attempt): void {
    if (this.#quarantined.delete(attempt)) this.#claimer.pump();
  }

  /** What was fetched ahead of handlers that turned out slow goes back, for others to run. */
  #yieldBuffer(): Promise<number> {
    if (this.#buffer.length > 0 && this.#capacity.isStuck(performance.now()))
      this.#releaseBuffer('not-begun');
    return Promise.resolve(YIELD_MS);
  }

  #releaseBuffer(why: string): void {
    for (const attempt of this.#buffer.splice(0)) this.#settle(attempt, why);
    this.#capacity.buffered = 0;
  }

  #settle(attempt: Attempt, why: string): void {
    if (attempt.settle(release(attempt, why))) this.#outcomes.add(attempt);
  }

  /** The job may be here again already, with a later attempt: that one stays. */
  #drop(attempt: Attempt): void {
    if (this.#held.get(attempt.jobId) === attempt) this.#held.delete(attempt.jobId);
  }
}

/** How long outcomes may still be on their way when the grace is over, in milliseconds. */
const FLUSH_GRACE_MS = 2_000;
