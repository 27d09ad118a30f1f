import type pg from 'pg';
import { isConnectionError } from './sql-errors.js';

/** How long a lane keeps a connection that nothing is sent on, in milliseconds. */
const IDLE_MS = 60_000;

/**
 * The lane for a transaction of this partition. Where nothing is under way it is always the first:
 * what is seldom asked for is answered sooner by the one session whose caches are warm.
 */
export function laneFor(lanes: readonly Lane[], partition: number): Lane {
  const isQuiet = lanes.every((lane) => lane.isIdle);
  return lanes[isQuiet ? 0 : partition % lanes.length]!;
}

/**
 * A connection that short transactions share: each is sent whole, behind those before it, without
 * waiting for their answers. None may wait for a lock, since all behind it would wait as well. Few
 * lanes, and each partition always on the same one, because every connection plans every partition's
 * statements for itself, at 3 ms a partition, and because transactions of one process that would
 * meet at a partition's lock stand in line here instead.
 */
export class Lane {
  readonly #pool: pg.Pool;
  #client: Promise<pg.PoolClient> | undefined;
  #pending = 0;
  #idle: NodeJS.Timeout | undefined;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  get isIdle(): boolean {
    return this.#pending === 0;
  }

  /** Gives the connection to `send`, which must send everything before it first waits. */
  async use<T>(send: (client: pg.PoolClient) => Promise<T>): Promise<T> {
    this.#pending++;
    clearTimeout(this.#idle);
    const connected = (this.#client ??= this.#pool.connect());
    try {
      return await send(await connected);
    } catch (error) {
      if (isConnectionError(error)) this.#release(connected, error as Error);
      throw error;
    } finally {
      this.#pending--;
      if (this.#pending === 0) this.#idle = setTimeout(() => this.rest(), IDLE_MS).unref();
    }
  }

  /** Gives the connection back, unless it is in use. */
  rest(): void {
    clearTimeout(this.#idle);
    if (this.#pending === 0 && this.#client !== undefined) this.#release(this.#client);
  }

  #release(connected: Promise<pg.PoolClient>, broken?: Error): void {
    if (this.#client !== connected) return;
    this.#client = undefined;
    connected.then(
      (client) => client.release(broken),
      () => {}, // It was never there.
    );
  }
}
