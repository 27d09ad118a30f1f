import { LedgerError } from '../errors.js';
import { flush, type Flushed } from './enqueue-flush.js';
import { partitionOf } from './ids.js';
import type { Prepared } from './prepare.js';
import type { Store } from './store.js';

/** Most jobs and bytes of one flush. */
const FLUSH_JOBS = 1_000;
const FLUSH_BYTES = 4 * 1024 * 1024;
/** Most jobs and bytes that may wait; beyond it `add` waits. */
const BUFFER_JOBS = 20_000;
const BUFFER_BYTES = 32 * 1024 * 1024;
/** Flushes in flight: a second one only helps once the first is full. */
const LANES = 2;

interface Waiting {
  readonly prepared: Prepared;
  readonly settle: (flushed: Flushed) => void;
}

/**
 * Coalesces concurrent enqueues: what arrives while a flush is in flight goes with the next one. No
 * timer, so a lone caller never waits. Every flush goes to one partition, turn by turn; jobs whose
 * caller chose the id go to the partition that the id names.
 */
export class EnqueueBuffer {
  readonly #store: Store;
  readonly #timeoutMs: number;
  #waiting: Waiting[] = [];
  #bytes = 0;
  #inFlight = 0;
  #turn = Math.floor(Math.random() * 256);
  #scheduled = false;
  #room: (() => void)[] = [];
  #idle: (() => void)[] = [];

  constructor(store: Store, timeoutMs: number) {
    this.#store = store;
    this.#timeoutMs = timeoutMs;
  }

  /** Settles when the job is recorded, or cannot be. Waits first while the buffer is full. */
  async add(prepared: Prepared): Promise<Flushed> {
    if (prepared.bytes > BUFFER_BYTES)
      throw new LedgerError('BUFFER_FULL', 'payload: larger than the buffer');
    while (this.#isFull(prepared.bytes))
      await new Promise<void>((resolve) => this.#room.push(resolve));
    return new Promise<Flushed>((settle) => {
      this.#waiting.push({ prepared, settle });
      this.#bytes += prepared.bytes;
      this.#schedule();
    });
  }

  /** The next partition in turn, for flushes that bypass the buffer. */
  nextPartition(): number {
    return this.#turn++ % this.#store.partitions;
  }

  /** Settles when everything accepted so far has been flushed. */
  async drain(): Promise<void> {
    while (this.#waiting.length > 0 || this.#inFlight > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  #isFull(bytes: number): boolean {
    return this.#waiting.length >= BUFFER_JOBS || this.#bytes + bytes > BUFFER_BYTES;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      this.#pump();
    });
  }

  #pump(): void {
    while (this.#waiting.length > 0 && this.#mayFlush()) {
      const batch = this.#take();
      this.#inFlight++;
      void this.#flush(batch).finally(() => {
        this.#inFlight--;
        for (const resolve of this.#idle.splice(0)) resolve();
        this.#pump();
      });
    }
  }

  #mayFlush(): boolean {
    return (
      this.#inFlight === 0 || (this.#inFlight < LANES && this.#waiting.length >= FLUSH_JOBS / 2)
    );
  }

  #take(): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { prepared } of this.#waiting) {
      if (count === FLUSH_JOBS || (count > 0 && bytes + prepared.bytes > FLUSH_BYTES)) break;
      bytes += prepared.bytes;
      count++;
    }
    const batch = this.#waiting.splice(0, count);
    this.#bytes -= bytes;
    for (const resolve of this.#room.splice(0)) resolve();
    return batch;
  }

  async #flush(batch: readonly Waiting[]): Promise<void> {
    const groups = new Map<number, Waiting[]>();
    const turn = this.nextPartition();
    for (const one of batch) {
      const { id } = one.prepared;
      const partition = id === undefined ? turn : partitionOf(id, this.#store.partitions);
      const group = groups.get(partition);
      if (group === undefined) groups.set(partition, [one]);
      else group.push(one);
    }
    for (const [partition, group] of groups) await this.#flushGroup(partition, group);
  }

  async #flushGroup(partition: number, group: readonly Waiting[]): Promise<void> {
    const deadline = performance.now() + this.#timeoutMs;
    const prepared = group.map((one) => one.prepared);
    const flushed = await flush(this.#store, partition, prepared, deadline).catch(
      (error: unknown) => group.map(() => ({ error: error as Error })),
    );
    group.forEach((one, index) => one.settle(flushed[index]!));
  }
}
