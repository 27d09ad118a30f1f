import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { LedgerError } from '../index.js';

/** How long a process may take to end by itself before it is killed, in milliseconds. */
const STOP_PATIENCE_MS = 5_000;
const KEPT_ERROR_BYTES = 2_000;

/** What is said either way. */
interface Message {
  readonly type: string;
}

/** The demo's side of a process of its own: what it hears of it, and what it tells it. */
export class DemoProcess<From extends Message, To extends Message = never> {
  readonly #name: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<void>;
  readonly #messages: From[] = [];
  #watchers: (() => void)[] = [];
  #expected = false;
  #gone = false;
  #errors = '';
  /** Rejects if the process ends without having been asked to. */
  readonly trouble: Promise<never>;

  /** `script` is a file beside this one; `orders` are its argument. */
  constructor(name: string, script: string, orders: { readonly project: string }) {
    this.#name = name;
    // A heartbeat's thread must not inherit flags that are meant for the demo's own process.
    const options = { cwd: orders.project, execArgv: [] };
    this.#child = fork(fileURLToPath(new URL(script, import.meta.url)), [JSON.stringify(orders)], {
      ...options,
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-KEPT_ERROR_BYTES);
    });
    this.#child.on('message', (message: From) => {
      this.#messages.push(message);
      this.#wake();
    });
    // Not `close`, which never comes once this side has ended the channel.
    this.#ended = new Promise((resolve) => this.#child.once('exit', () => resolve()));
    this.trouble = this.#watch();
    this.trouble.catch(() => {});
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** The first message of a type, also one that came before; rejects if the process ends first. */
  async message<T extends From['type']>(type: T): Promise<Extract<From, { readonly type: T }>> {
    for (;;) {
      const found = this.#messages.find((message) => message.type === type);
      if (found !== undefined) return found as Extract<From, { readonly type: T }>;
      if (this.#gone) return this.trouble;
      await new Promise<void>((resolve) => this.#watchers.push(resolve));
    }
  }

  tell(message: To): void {
    if (this.#child.connected) this.#child.send(message);
  }

  /** SIGKILL: the process gets no chance to give anything back. */
  async kill(): Promise<void> {
    this.#expected = true;
    this.#child.kill('SIGKILL');
    await this.#ended;
  }

  /** Lets it end by itself, or ends it. Harmless for one that has ended. */
  async stop(): Promise<void> {
    this.#expected = true;
    if (this.#child.connected) this.#child.disconnect();
    const patience = setTimeout(() => this.#child.kill('SIGKILL'), STOP_PATIENCE_MS);
    await this.#ended;
    clearTimeout(patience);
  }

  async #watch(): Promise<never> {
    const how = await new Promise<string>((resolve) => {
      this.#child.once('error', (error) => resolve(error.message));
      this.#child.once('close', (code, signal) => resolve(`${signal ?? `exit code ${code}`}`));
    });
    this.#gone = true;
    this.#wake();
    if (this.#expected) return new Promise<never>(() => {});
    const why = this.#errors.trim().split('\n').at(-1) ?? '';
    throw new LedgerError('INTERNAL', `${this.#name} ended unexpectedly (${how}) ${why}`.trim());
  }

  #wake(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}
