import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { now } from './clock.mjs';
import { treeSeconds } from './cpu.mjs';
import { onExit } from './exit.mjs';
import { startProcess } from './processes.mjs';
import { withDatabase } from './server.mjs';

/** What one run of one part has: a contestant, an empty database with its schema, processes. */
export async function openStage({ server, contestant, scale, prompt }) {
  const name = `jobledger_bench_${process.pid}_${contestant.name.replace('-', '_')}`;
  const drop = () => onServer(server.url, `drop database if exists ${name} with (force)`);
  await drop();
  const forget = onExit(drop);
  await onServer(server.url, `create database ${name}`);
  const database = withDatabase(server.url, name);
  await contestant.setup(database, { prompt });
  const admin = new pg.Client({ connectionString: database });
  await admin.connect();
  admin.on('error', () => undefined); // cut when the database is dropped after a failure
  const close = async () => {
    await admin.end().catch(() => undefined);
    await drop();
    forget();
  };
  return new Stage({ server, contestant, scale, prompt, database, admin, close });
}

class Stage {
  #processes = [];
  #close;

  constructor({ server, contestant, scale, prompt, database, admin, close }) {
    Object.assign(this, { server, contestant, scale, prompt, database, admin });
    this.#close = close;
  }

  /** A count or a duration of the part, grown or shrunk by `--scale`. */
  scaled(value, least = 1) {
    return Math.max(least, value * this.scale);
  }

  /** The same for what is counted in whole things. */
  count(value, least = 1) {
    return Math.round(this.scaled(value, least));
  }

  /** A producer process, connected. */
  async producer(options) {
    const remote = await this.#start('producer');
    await remote.call('open', this.database, options);
    return remote;
  }

  /** A worker process, loaded but not begun: that is its method `start`. */
  worker() {
    return this.#start('worker');
  }

  /** A projector process, connected. */
  async projector() {
    const remote = await this.#start('projector');
    await remote.call('open', this.database);
    return remote;
  }

  /** A process in another role, connected. */
  async process(role, options) {
    const remote = await this.#start(role);
    await remote.call('open', this.database, options);
    return remote;
  }

  /** Arguments of a worker's `start`. */
  work({ options, ...plan } = {}) {
    return [this.database, { ...plan, options: { prompt: this.prompt, ...options } }];
  }

  /** Tables vacuumed and analysed, all dirty pages written: the same start for everyone. */
  async settle() {
    await this.admin.query('vacuum analyze');
    await this.admin.query('checkpoint');
  }

  /** When (by `now()`) the store first reported that nothing is left to do. */
  async drainedAt({ withinMs = 600_000 } = {}) {
    const deadline = now() + withinMs;
    for (;;) {
      // What a snapshot shows was so when it was taken, however long the look itself takes.
      const at = now();
      const { rows } = await this.admin.query(this.contestant.pending);
      if (!rows[0].pending) return at;
      if (at > deadline) throw new Error('the store still reports pending jobs');
      await pause(2);
    }
  }

  /** Starts to measure the CPU of processes and of Postgres; call what it gives to end. */
  async meter(remotes = []) {
    const before = await this.#cpu(remotes);
    return async () => {
      const after = await this.#cpu(remotes);
      const seconds = (after.at - before.at) / 1_000;
      const [worker, postgres] = ['workers', 'postgres'].map((who) =>
        after[who] === null ? null : after[who] - before[who],
      );
      return { seconds, worker, postgres };
    };
  }

  /** Ends everything, by force: what had to be measured was. */
  async close() {
    await Promise.all(this.#processes.map((remote) => remote.kill()));
    await this.#close();
  }

  async #start(role) {
    const remote = await startProcess(role, this.contestant);
    this.#processes.push(remote);
    return remote;
  }

  async #cpu(remotes) {
    const usages = await Promise.all(remotes.map((remote) => remote.call('cpu')));
    const workers = usages.reduce((sum, { user, system }) => sum + (user + system) / 1e6, 0);
    return { at: now(), workers, postgres: treeSeconds(this.server.pid) };
  }
}

async function onServer(url, statement) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}
