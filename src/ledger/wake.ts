import pg from 'pg';
import { endClient, sessionConfig } from '../database.js';
import type { Wake } from './signals.js';
import type { JobState } from '../job/state.js';
import type { Store } from './store.js';

/** Wakes who listens: in this process at once, and elsewhere. */
export function wake(store: Store, signal: Wake): void {
  store.signals.emit(signal);
  store.notifier.send(signal);
}

/** Tells who may promote or run a job that a command has moved. `kept`: it kept its place in line. */
export function wakeFor(store: Store, after: JobState, kept: boolean): void {
  const { partition, queue } = after;
  if (after.state === 'available')
    wake(store, { what: 'ready', partition, queue, ...(kept && { returned: true }) });
  if (after.state === 'scheduled' || after.state === 'retrying') wake(store, { what: 'scheduled' });
}

/** Tells of jobs that stand in line again where they stood before. */
export function wakeReturned(store: Store, partition: number, queues: Iterable<string>): void {
  for (const queue of new Set(queues))
    wake(store, { what: 'ready', partition, queue, returned: true });
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
    if (this.#client !== undefined) await endClient(this.#client);
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
