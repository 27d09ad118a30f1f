// The processes of a run: workers and producers, each in a place of its own that is filled again when
// its process has ended. It knows which ends were ours, and keeps those that nobody ordered.
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const CHILDREN = new URL('./children/', import.meta.url);

export class Crew {
  /** Ends that nobody ordered: a process must never end by itself. */
  unordered = [];
  #folder;
  #places = new Map();
  #closing = false;

  constructor(folder) {
    this.#folder = folder;
  }

  /** Opens a place and fills it. `script` is a file of children/, `orders` what it is told. */
  async open(name, script, orders, options = {}) {
    const place = {
      name,
      script,
      orders,
      options,
      child: undefined,
      ordered: false,
      ready: undefined,
    };
    this.#places.set(name, place);
    await this.#fill(place);
  }

  /** Names of the places of a script. */
  names(script) {
    return [...this.#places.values()]
      .filter((one) => one.script === script)
      .map(({ name }) => name);
  }

  pid(name) {
    return this.#places.get(name).child.pid;
  }

  /** Sends a signal, as the run's own doing. */
  signal(name, signal) {
    const place = this.#places.get(name);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') place.ordered = true;
    place.child.kill(signal);
  }

  /** Ends the process with a signal and fills its place again, with these options for the new one. */
  async replace(name, signal, afterMs, options) {
    const place = this.#places.get(name);
    await this.#end(place, signal);
    if (options !== undefined) place.options = options;
    await pause(afterMs);
    if (!this.#closing) await this.#fill(place);
  }

  /** Ends a place for good; gives the exit code. */
  async dismiss(name, signal) {
    const place = this.#places.get(name);
    this.#places.delete(name);
    return this.#end(place, signal);
  }

  async dismissAll(signal) {
    this.#closing = true;
    return Promise.all([...this.#places.keys()].map((name) => this.dismiss(name, signal)));
  }

  async #end(place, signal) {
    place.ordered = true;
    const { child } = place;
    const end = new Promise((resolve) => {
      if (child.exitCode !== null || child.signalCode !== null) resolve(child.exitCode);
      child.once('exit', resolve);
    });
    child.kill(signal);
    const { stubbornMs = STUBBORN_MS } = place.options;
    const stubborn = setTimeout(() => {
      this.unordered.push(`${place.name} did not end within ${stubbornMs} ms of ${signal}`);
      child.kill('SIGKILL');
    }, stubbornMs);
    const code = await end;
    clearTimeout(stubborn);
    if (signal === 'SIGTERM' && code !== 0 && code !== null) {
      this.unordered.push(`${place.name} ended with ${code} after SIGTERM`);
    }
    return code;
  }

  /** Resolves when the process says that it is ready. */
  async #fill(place) {
    const { name, script, orders, options } = place;
    const log = openSync(join(this.#folder, `${name}.log`), 'a');
    const file = fileURLToPath(new URL(script, CHILDREN));
    const shift = fileURLToPath(new URL('shift-clock.mjs', CHILDREN));
    const preload = options.shiftMs === undefined ? [] : ['--import', shift];
    const child = spawn(process.execPath, [...preload, file, JSON.stringify(orders)], {
      env: { PATH: process.env.PATH, CHAOS_SHIFT_MS: String(options.shiftMs ?? 0) },
      stdio: ['pipe', 'pipe', log],
    });
    closeSync(log);
    place.child = child;
    place.ordered = false;
    child.once('exit', (code, signal) => void this.#ended(place, child, code, signal));
    await new Promise((resolve) => {
      child.stdout.once('data', resolve);
      child.once('exit', resolve);
    });
    child.stdout.resume();
  }

  /** A worker that a job killed is replaced like one that we killed; any other end is a fault. */
  async #ended(place, child, code, signal) {
    if (place.ordered || place.child !== child || this.#closing) return;
    if (signal !== 'SIGKILL') this.unordered.push(`${place.name} ended with ${code ?? signal}`);
    await pause(100);
    if (place.child === child && !place.ordered && !this.#closing) await this.#fill(place);
  }
}

/** Graces and two seconds for outcomes on their way are far shorter. */
const STUBBORN_MS = 30_000;
