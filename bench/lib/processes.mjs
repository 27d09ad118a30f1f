import { fork } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { onExit } from './exit.mjs';

/** A worker that is killed on purpose makes another one write a line per job: some are enough. */
const MOST_LINES = 5;
const STOP_WITHIN_MS = 10_000;

const CHILD = fileURLToPath(new URL('child.mjs', import.meta.url));

/** Starts a process of a contestant in a role, and resolves when its modules are loaded. */
export async function startProcess(role, contestant) {
  const child = fork(CHILD, [role, contestant.name], {
    serialization: 'advanced', // typed arrays by the hundred thousand
    env: { ...process.env, ...contestant.environment },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  });
  for (const stream of [child.stdout, child.stderr]) tell(stream, contestant.name);
  const remote = new Remote(child, `${contestant.name}'s ${role}`);
  await remote.ready;
  return remote;
}

class Remote {
  #waiting = new Map();
  #nextId = 0;
  #forget;
  #child;
  #name;

  constructor(child, name) {
    this.#child = child;
    this.#name = name;
    this.#forget = onExit(() => this.kill());
    this.ready = new Promise((resolve, reject) => this.#waiting.set('ready', { resolve, reject }));
    child.on('message', (message) => this.#take(message));
    child.once('exit', (code, signal) => this.#fail(`ended with ${signal ?? code}`));
  }

  /** Calls a method of the role in the process. */
  call(method, ...args) {
    const id = (this.#nextId += 1);
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, method, args }, (error) => error && this.#fail(error.message));
    });
  }

  /** Lets it stop in order, so that it leaves nothing for its successor to clean up. */
  async end() {
    const late = pause(STOP_WITHIN_MS, undefined, { ref: false });
    await Promise.race([this.call('stop').catch(() => undefined), late]);
    await this.kill();
  }

  /** Ends the process as a crash does; resolves when it is gone. */
  async kill() {
    this.#forget();
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const gone = once(this.#child, 'exit');
    this.#waiting.clear();
    this.#child.kill('SIGKILL');
    await gone;
  }

  #take({ id, ready, result, error }) {
    const key = ready ? 'ready' : id;
    const { resolve, reject } = this.#waiting.get(key) ?? {};
    this.#waiting.delete(key);
    if (error === undefined) resolve?.(result);
    else reject?.(new Error(`${this.#name}: ${error}`));
  }

  #fail(text) {
    for (const { reject } of this.#waiting.values()) reject(new Error(`${this.#name} ${text}`));
    this.#waiting.clear();
  }
}

/** Passes on what a process says, but not for ever and not into our tables. */
function tell(stream, name) {
  let lines = 0;
  createInterface({ input: stream }).on('line', (line) => {
    lines += 1;
    if (lines <= MOST_LINES) console.error(`${name}: ${line}`);
    if (lines === MOST_LINES + 1) console.error(`${name}: … and further lines`);
  });
}
