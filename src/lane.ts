import type pg from 'pg';
import { cut, socketOf } from './socket.js';
import { isConnectionError } from './sql-errors.js';

/** How long a lane keeps a connection that nothing is sent on, in milliseconds. */
const IDLE_MS = 60_000;

/**
 * A server that says nothing for so long while something is under way is given up, in milliseconds:
 * nothing here waits for a lock, and one that neither answers nor hangs up would keep all waiting.
 */
const SILENT_MS = 30_000;
/** How often it is listened for within that time. */
const LOOKS = 10;

/**
 * The lane for a transaction of this partition: behind those of the same one that are under way, for
 * it would find the lock taken. Where nothing at all is under way it is the first: what is seldom
 * asked for is answered sooner by the one session whose caches are warm.
 */
export function laneFor(lanes: readonly Lane[], partition: number): Lane {
  const taken = lanes.find((lane) => lane.has(partition));
  if (taken !== undefined) return taken;
  const isQuiet = lanes.every((lane) => lane.isIdle);
  return lanes[isQuiet ? 0 : partition % lanes.length]!;
}

/**
 * A connection that short transactions share: each is sent whole, behind those before it, without
 * waiting for their answers. None may wait for a lock, since all behind it would wait as well. Few
 * lanes, and each partition mostly on the same one, because every connection plans every partition's
 * statements for itself, at 3 ms a partition.
 */
export class Lane {
  readonly #pool: pg.Pool;
  #client: Promise<pg.PoolClient> | undefined;
  /** How many transactions of each partition are under way. */
  readonly #pending = new Map<number, number>();
  #idle: NodeJS.Timeout | undefined;
  #isEnding = false;
  readonly #silentMs: number;
  #watch: NodeJS.Timeout | undefined;

  constructor(pool: pg.Pool, silentMs = SILENT_MS) {
    this.#pool = pool;
    this.#silentMs = silentMs;
  }

  get isIdle(): boolean {
    return this.#pending.size === 0;
  }

  /** Whether a transaction of this partition is under way here. */
  has(partition: number): boolean {
    return this.#pending.has(partition);
  }

  /** Gives the connection to `send`, which must send everything before it first waits. */
  async use<T>(partition: number, send: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    this.#count(partition, 1);
    clearTimeout(this.#idle);
    const connected = (this.#client ??= this.#connect());
    let isThere = false;
    try {
      const client = await connected;
      isThere = true;
      return await send(client);
    } catch (error) {
      // One that could not be had, for whatever reason, must be asked for again.
      if (!isThere || isConnectionError(error)) this.#release(connected, error as Error);
      throw error;
    } finally {
      this.#count(partition, -1);
      if (this.#isEnding) this.#rest();
      else if (this.isIdle) this.#idle = setTimeout(() => this.#rest(), IDLE_MS).unref();
    }
  }

  /** Gives the connection back as soon as nothing is under way: the pool waits for it to end. */
  end(): void {
    this.#isEnding = true;
    this.#rest();
  }

  async #connect(): Promise<pg.PoolClient> {
    const client = await this.#pool.connect();
    let heard = 0;
    let silences = 0;
    // Looks are counted, not time: a process that was paused must not take its own pause for the server's.
    const look = () => {
      const bytes = socketOf(client)?.bytesRead ?? 0;
      silences = bytes === heard && !this.isIdle ? silences + 1 : 0;
      heard = bytes;
      if (silences === LOOKS) cut(client);
    };
    clearInterval(this.#watch);
    this.#watch = setInterval(look, this.#silentMs / LOOKS).unref();
    return client;
  }

  #rest(): void {
    clearTimeout(this.#idle);
    if (this.isIdle && this.#client !== undefined) this.#release(this.#client);
  }

  #count(partition: number, change: 1 | -1): void {
    const pending = (this.#pending.get(partition) ?? 0) + change;
    if (pending === 0) this.#pending.delete(partition);
    else this.#pending.set(partition, pending);
  }

  #release(connected: Promise<pg.PoolClient>, broken?: Error): void {
    if (this.#client !== connected) return;
    this.#client = undefined;
    clearInterval(this.#watch);
    connected.then(
      (client) => client.release(broken),
      () => {}, // It was never there.
    );
  }
}
