import { MessageChannel, Worker as Thread, type MessagePort } from 'node:worker_threads';
import type { ClientConfig } from 'pg';
import { sessionConfig } from '../database.js';
import type { Store } from '../ledger/store.js';
import { identityCheckOf, threadConfig } from './heartbeat-config.js';
import { judgeIdentity } from './heartbeat-identity.js';
import type { IdentityQuestion, ThreadData, ToMain, ToThread } from './heartbeat-messages.js';
import { leadershipStatements } from './maintenance/leadership.js';
import type { WorkerSettings } from './options.js';

export interface HeartbeatListener {
  /** The worker's row was renewed. */
  beat(): void;
  /** The worker's row is dead: this incarnation has no leases any more. */
  lost(): void;
  /** The thread has stopped beating, since the main loop stood still or the thread itself failed. */
  stalled(why: string): void;
}

/** Main loop's side of the heartbeat: starts the thread, ticks for it, hears what it says. */
export class Heartbeat {
  readonly #thread: Thread;
  readonly #ticker: NodeJS.Timeout;
  readonly #identity: MessagePort;
  #stopped = false;
  /** What was told of last: the same trouble, twice a second, is told once. */
  #trouble: string | undefined;

  constructor(store: Store, settings: WorkerSettings, worker: number, listener: HeartbeatListener) {
    const mainTick = new BigInt64Array(new SharedArrayBuffer(8));
    const tick = () => Atomics.store(mainTick, 0, process.hrtime.bigint());
    tick();
    const { config } = store.database;
    const { port1, port2 } = new MessageChannel();
    this.#identity = port1;
    const asksIdentity = identityCheckOf(config) !== undefined;
    const data: ThreadData = {
      config: threadConfig(sessionConfig(config, store.database.pooler)),
      asksPassword: typeof config.password === 'function',
      identityPort: asksIdentity ? port2 : undefined,
      worker,
      heartbeatMs: settings.heartbeatMs,
      stallLimitMs: settings.stallLimitMs,
      mainTick,
      statements: {
        beat: `update ${store.tables.workers} set beat = beat + 1, beat_at = clock_timestamp()
          where id = $1 and dead_at is null and ended_at is null`,
        ...leadershipStatements(store),
      },
    };
    this.#thread = new Thread(threadFile(), {
      ...{ workerData: data, transferList: asksIdentity ? [port2] : [] },
      ...{ stdout: false, stderr: false },
    });
    // Only now: a thread that cannot be made must leave no timer.
    this.#ticker = setInterval(tick, 100);
    this.#thread.on('message', (message: ToMain) => this.#hear(message, config, listener, store));
    this.#thread.on('error', (error) => this.#stopped || listener.stalled(error.message));
    this.#thread.on('exit', () => this.#stopped || listener.stalled('the heartbeat thread ended'));
  }

  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    clearInterval(this.#ticker);
    this.#thread.postMessage({ type: 'stop' } satisfies ToThread);
    const ended = new Promise<void>((resolve) => this.#thread.once('exit', () => resolve()));
    const patience = setTimeout(() => void this.#thread.terminate(), 1_000);
    await ended;
    this.#identity.close();
    clearTimeout(patience);
  }

  #hear(message: ToMain, config: ClientConfig, listener: HeartbeatListener, store: Store): void {
    if (this.#stopped) return;
    switch (message.type) {
      case 'beat':
        this.#trouble = undefined;
        return listener.beat();
      case 'lost':
        return listener.lost();
      case 'stalled':
        return listener.stalled(
          `the event loop stood still for ${Math.round(message.silentMs / 1_000)} s`,
        );
      case 'trouble':
        return this.#tell(message.message, store);
      case 'password':
        return void this.#answerPassword(config);
      case 'identity':
        return this.#answerIdentity(config, message);
    }
  }

  #tell(trouble: string, { log }: Store): void {
    if (this.#trouble === trouble) return;
    this.#trouble = trouble;
    log.warn({ code: 'HEARTBEAT', error: trouble }, 'heartbeat failed; trying again');
  }

  #answerIdentity(config: ClientConfig, question: IdentityQuestion): void {
    const check = identityCheckOf(config);
    if (check !== undefined) this.#identity.postMessage(judgeIdentity(check, question));
  }

  async #answerPassword(config: ClientConfig): Promise<void> {
    const ask = config.password as () => string | Promise<string>;
    const password = await Promise.resolve()
      .then(ask)
      .catch(() => undefined);
    this.#thread.postMessage({ type: 'password', password } satisfies ToThread);
  }
}

/** Run from its sources (in tests), the thread still needs the built file: Node 20 runs no TypeScript. */
function threadFile(): URL {
  const built = import.meta.url.endsWith('.ts')
    ? '../../dist/worker/heartbeat-thread.js'
    : './heartbeat-thread.js';
  return new URL(built, import.meta.url);
}
