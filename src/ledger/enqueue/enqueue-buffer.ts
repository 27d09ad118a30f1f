import { LedgerError } from '../../errors.js';
import { detached } from '../../tracing.js';
import { flush } from './enqueue-flush.js';
import type { Flushed } from './flushed.js';
import { partitionOf } from '../ids.js';
import type { Prepared } from './prepare.js';
import type { Store } from '../store.js';
import { Turns } from '../claim/turns.js';

/** Most jobs and bytes of one flush; two of them keep Postgres busy while more are prepared. */
const FLUSH_JOBS = 500;
const FLUSH_BYTES = 4 * 1024 * 1024;
/** Most jobs and bytes that may wait; beyond it `add` waits. */
const BUFFER_JOBS = 20_000;
const BUFFER_BYTES = 32 * 1024 * 1024;
/** Flushes in flight for jobs of any partition: a further one only helps if it is large too. */
const LANES = 3;
/** What is large by its bytes, however few its jobs are. */
const LARGE_BYTES = 256 * 1024;

interface Waiting {
  readonly prepared: Prepared;
  readonly settle: (flushed: Flushed) => void;
}

/** What waits for the same sort of flush. */
interface Line {
  /** The partition that these jobs' ids name; undefined for jobs that any partition may take. */
  readonly partition: number | undefined;
  waiting: Waiting[];
  bytes: number;
  inFlight: number;
}

/**
 * Coalesces concurrent enqueues: what arrives while a flush is in flight goes with the next one. No
 * timer, so a lone caller never waits. Every flush goes to one partition, turn by turn; jobs whose
 * caller chose the id wait apart for the partition that the id names, so that they delay nobody
 * else if a stranger keeps it locked.
 */
export class EnqueueBuffer {
  readonly #store: Store;
  readonly #timeoutMs: number;
  readonly #whenFull: 'wait' | 'reject';
  readonly #turns: Turns;
  readonly #lines = new Map<number | undefined, Line>();
  #waiting = 0;
  #bytes = 0;
  #inFlight = 0;
  #scheduled = false;
  #room: (() => void)[] = [];
  #idle: (() => void)[] = [];

  constructor(store: Store, timeoutMs: number, whenFull: 'wait' | 'reject') {
    this.#store = store;
    this.#turns = new Turns(store.partitions);
    this.#whenFull = whenFull;
    this.#timeoutMs = timeoutMs;
  }

  /** Settles when the job is recorded, or cannot be. While the buffer is full it waits, or throws. */
  async add(prepared: Prepared): Promise<Flushed> {
    if (this.#isFull(prepared.bytes)) await this.#roomFor(prepared.bytes);
    return new Promise<Flushed>((settle) => this.#put(prepared, settle));
  }

  /** The same for many, in order; those that find no room where it is not waited for have an error. */
  async addAll(all: readonly Prepared[]): Promise<readonly Flushed[]> {
    const flushed = new Array<Flushed>(all.length);
    let open = all.length;
    let end = () => {};
    const settle = (index: number, one: Flushed) => {
      flushed[index] = one;
      if (--open === 0) end();
    };
    for (const [index, prepared] of all.entries()) {
      try {
        if (this.#isFull(prepared.bytes)) await this.#roomFor(prepared.bytes);
        this.#put(prepared, (one) => settle(index, one));
      } catch (error) {
        settle(index, { error: error as Error });
      }
    }
    if (open > 0) await new Promise<void>((resolve) => (end = resolve));
    return flushed;
  }

  #put(prepared: Prepared, settle: (flushed: Flushed) => void): void {
    const line = this.#lineOf(prepared);
    line.waiting.push({ prepared, settle });
    line.bytes += prepared.bytes;
    this.#waiting++;
    this.#bytes += prepared.bytes;
    this.#schedule();
  }

  async #roomFor(bytes: number): Promise<void> {
    while (this.#isFull(bytes)) {
      if (this.#whenFull === 'reject') throw bufferFull();
      await new Promise<void>((resolve) => this.#room.push(resolve));
    }
  }

  /** The next partition in turn, for flushes that bypass the buffer. */
  nextPartition(): number {
    return this.#turns.next();
  }

  /** Settles when everything accepted so far has been flushed. */
  async drain(): Promise<void> {
    while (this.#waiting > 0 || this.#inFlight > 0) {
      await new Promise<void>((resolve) => this.#idle.push(resolve));
    }
  }

  #isFull(bytes: number): boolean {
    return this.#waiting >= BUFFER_JOBS || this.#bytes + bytes > BUFFER_BYTES;
  }

  #lineOf({ id }: Prepared): Line {
    const partition = id === undefined ? undefined : partitionOf(id, this.#store.partitions);
    const found = this.#lines.get(partition);
    if (found !== undefined) return found;
    const line: Line = { partition, waiting: [], bytes: 0, inFlight: 0 };
    this.#lines.set(partition, line);
    return line;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      // The flush is that of many: it belongs to none of their spans.
      detached(() => this.#lines.forEach((line) => this.#pump(line)));
    });
  }

  #pump(line: Line): void {
    while (line.waiting.length > 0 && mayFlush(line)) {
      const batch = this.#take(line);
      line.inFlight++;
      this.#inFlight++;
      const partition = line.partition ?? this.#turns.begin(batch.length);
      void this.#flush(partition, batch).finally(() => {
        if (line.partition === undefined) this.#turns.done(partition);
        line.inFlight--;
        this.#inFlight--;
        for (const resolve of this.#idle.splice(0)) resolve();
        this.#pump(line);
      });
    }
  }

  #take(line: Line): Waiting[] {
    let bytes = 0;
    let count = 0;
    for (const { prepared } of line.waiting) {
      if (count === FLUSH_JOBS || (count > 0 && bytes + prepared.bytes > FLUSH_BYTES)) break;
      bytes += prepared.bytes;
      count++;
    }
    const batch = line.waiting.splice(0, count);
    line.bytes -= bytes;
    this.#waiting -= count;
    this.#bytes -= bytes;
    for (const resolve of this.#room.splice(0)) resolve();
    return batch;
  }

  async #flush(partition: number, batch: readonly Waiting[]): Promise<void> {
    const deadline = performance.now() + this.#timeoutMs;
    const prepared = batch.map((one) => one.prepared);
    const flushed = await flush(this.#store, partition, prepared, deadline).catch(
      (error: unknown) => batch.map(() => ({ error: error as Error })),
    );
    batch.forEach((one, index) => one.settle(flushed[index]!));
  }
}

/** A partition's own line has one flush at a time: a second would only wait for its lock. */
function mayFlush({ partition, inFlight, waiting, bytes }: Line): boolean {
  if (inFlight === 0) return true;
  if (partition !== undefined || inFlight >= LANES) return false;
  return waiting.length >= FLUSH_JOBS / 2 || bytes >= LARGE_BYTES;
}

function bufferFull(): LedgerError {
  const message = `enqueue: ${BUFFER_JOBS} jobs or ${BUFFER_BYTES} bytes wait to be flushed; try again`;
  return new LedgerError('BUFFER_FULL', message);
}
