import { setTimeout as pause } from 'node:timers/promises';
import type { Database, Statement } from '../database.js';
import { unreachable } from '../job/unreachable.js';
import { detached } from '../tracing.js';
import type { Wake } from './signals.js';

/** Within this time of a notification, what follows for the same queue waits and goes together. */
const QUIET_MS = 5;
/** How long a flush waits for what it sends. */
const FLUSH_MS = 500;

/**
 * Sends wakes to other processes by NOTIFY, whose errors are ignored: polling finds what they miss.
 * A lone wake goes at once. Under load they are few: every notification is a transaction of its
 * own, and a worker that is told of five jobs claims them together.
 */
export class Notifier {
  readonly #database: Database;
  readonly #channel: string;
  /** What is held back, by what it is about, with the end of its quiet time. */
  readonly #held = new Map<
    string,
    { readonly wakes: Set<string>; readonly timer: NodeJS.Timeout }
  >();

  readonly #sending = new Set<Promise<void>>();

  constructor(database: Database, channel: string) {
    this.#database = database;
    this.#channel = channel;
  }

  /**
   * What may go out at once, to be sent behind the commit in the same round trip; what may not is
   * for `send` once the commit is known, since a wake that comes before it finds nothing.
   */
  take(wakes: readonly Wake[]): { readonly now: Statement[]; readonly later: Wake[] } {
    if (this.#database.pooler) return { now: [], later: [] };
    const later = wakes.filter((wake) => this.#held.has(subject(wake)));
    const now = wakes.filter((wake) => !later.includes(wake));
    for (const wake of now) this.#hold(subject(wake));
    return { now: now.length === 0 ? [] : [this.#statement(now.map(text))], later };
  }

  /** What was taken was not sent behind a commit after all: it may be taken again at once. */
  putBack(wakes: readonly Wake[]): void {
    for (const about of wakes.map(subject)) {
      const held = this.#held.get(about);
      if (held?.wakes.size !== 0) continue;
      clearTimeout(held.timer);
      this.#held.delete(about);
    }
  }

  /** Sends a wake, at once or within 5 ms. */
  send(wake: Wake): void {
    const { now, later } = this.take([wake]);
    for (const statement of now) this.#query(statement);
    for (const held of later) this.#held.get(subject(held))!.wakes.add(text(held));
  }

  /** Sends what is held back, and waits until all is sent, but not long for a store that is away. */
  async flush(): Promise<void> {
    for (const about of [...this.#held.keys()]) this.#release(about);
    for (const { timer } of this.#held.values()) clearTimeout(timer);
    this.#held.clear();
    await Promise.race([Promise.all(this.#sending), pause(FLUSH_MS, undefined, { ref: false })]);
  }

  #hold(about: string): void {
    const timer = setTimeout(() => this.#release(about), QUIET_MS);
    this.#held.set(about, { wakes: new Set(), timer });
  }

  /** The end of a quiet time, and the start of the next if there was anything to send. */
  #release(about: string): void {
    const { wakes, timer } = this.#held.get(about)!;
    clearTimeout(timer);
    this.#held.delete(about);
    if (wakes.size === 0) return;
    this.#hold(about);
    this.#query(this.#statement([...wakes]));
  }

  #query(statement: Statement): void {
    const query = detached(() => this.#database.pool.query(statement));
    const sent = query.then(
      () => {},
      () => {},
    );
    this.#sending.add(sent);
    void sent.then(() => this.#sending.delete(sent));
  }

  #statement(wakes: readonly string[]): Statement {
    return {
      name: 'jl_wake',
      text: 'select pg_notify($1, wake)::text from unnest($2::text[]) wake',
      values: [this.#channel, wakes],
    };
  }
}

function text(wake: Wake): string {
  return JSON.stringify(wake);
}

/** Wakes about the same thing can wait for each other; a cancel waits for none but its worker's. */
function subject(wake: Wake): string {
  switch (wake.what) {
    case 'ready':
      return `ready ${wake.queue}`;
    case 'cancel':
      return `cancel ${wake.worker}`;
    case 'scheduled':
    case 'inbox':
    case 'projections':
    case 'relays':
      return wake.what;
    default:
      return unreachable(wake, 'wake');
  }
}
