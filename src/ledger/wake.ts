import pg from 'pg';
import { sessionConfig, type Statement } from '../database.js';
import type { Wake } from './signals.js';
import type { Store } from './store.js';

/** The notification for a wake, to be sent after the commit. */
export function wakeStatement(store: Store, wake: Wake): Statement {
  return {
    name: 'jl_wake',
    text: 'select pg_notify($1, $2)::text',
    values: [store.channel, JSON.stringify(wake)],
  };
}

/** Wakes who listens, in this process at once and elsewhere by NOTIFY, whose errors are ignored. */
export function wake(store: Store, signal: Wake): void {
  store.signals.emit(signal);
  if (store.database.pooler) return;
  store.database.pool.query(wakeStatement(store, signal)).catch(() => {});
}

/**
 * A connection of its own that passes notifications on to the process's signals. When it breaks it
 * is opened again after a pause; what was missed meanwhile is found by polling.
 */
export class Listener {
  readonly #store: Store;
  #client: pg.Client | undefined;
  #retry: NodeJS.Timeout | undefined;
  #stopped = false;

  constructor(store: Store) {
    this.#store = store;
  }

  start(): void {
    if (!this.#store.database.pooler) void this.#connect();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#retry);
    await this.#client?.end().catch(() => {});
  }

  async #connect(): Promise<void> {
    const { database } = this.#store;
    const client = new pg.Client(sessionConfig(database.config, database.pooler));
    client.on('notification', ({ payload }) => this.#receive(payload));
    client.on('error', () => this.#reconnect(client));
    client.on('end', () => this.#reconnect(client));
    this.#client = client;
    try {
      await client.connect();
      await client.query(`listen ${pg.escapeIdentifier(this.#store.channel)}`);
    } catch {
      this.#reconnect(client);
    }
  }

  #reconnect(broken: pg.Client): void {
    if (this.#stopped || broken !== this.#client) return;
    this.#client = undefined;
    broken.end().catch(() => {});
    this.#retry = setTimeout(() => void this.#connect(), 200);
  }

  #receive(payload: string | undefined): void {
    try {
      this.#store.signals.emit(JSON.parse(payload ?? '') as Wake);
    } catch {
      // Anybody may notify on our channel; what is not ours is no concern of ours.
    }
  }
}
