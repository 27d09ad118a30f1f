/**
 * The embedded Postgres: owns a data folder and the server on it, shared by all processes that open
 * the folder. Promises that the server runs, with full durability, from the opening of a handle
 * until its closing, through kills of the server and of other users; the last handle to close stops
 * it. Never holds a server of another folder or a database URL, and knows nothing of what is stored.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { chooseAddress, releaseAddress } from './address.js';
import { findBinaries } from './binaries.js';
import { clientConfig, connectionUrl } from './connection.js';
import { checkData, claimFolder, createData, findData, unmake } from './data-folder.js';
import { serverIdentity } from './identity.js';
import { attend, joinServer, PRESENCE_LOCK, PRESENCE_NAME, type Presence } from './join.js';
import { readPostmaster, stopServer, type ServerPlan } from './server.js';

/** Options of `openEmbedded`. */
export interface EmbeddedOptions {
  /** Where the data is, or shall be; made if missing. */
  readonly folder: string;
  /** No fsync: for tests, whose data may be lost. */
  readonly fast?: boolean;
  /** The programs of another Postgres than the installed package's. */
  readonly binFolder?: string;
}

/** A handle on a running server; the server runs until the last handle on it is closed. */
export interface EmbeddedServer {
  readonly config: pg.ClientConfig;
  /** For other processes: good as long as some handle is open. */
  readonly url: string;
  readonly folder: string;
  /** Lets go of the server, and stops it if nobody else uses it. */
  close(): Promise<void>;
}

/** The facts of one opening that later steps need. */
interface Site {
  readonly folder: string;
  readonly dataFolder: string;
  readonly plan: () => Promise<ServerPlan>;
}

/**
 * Opens the embedded Postgres of a folder: initialises it, starts it or joins it, as need be.
 * Throws `MISSING_PACKAGE` without binaries, `DATA_FOLDER` for a folder that cannot be used, and
 * `STORE_UNREACHABLE` for a server that does not answer.
 */
export async function openEmbedded(options: EmbeddedOptions): Promise<EmbeddedServer> {
  const site = await prepare(options);
  const presence = await joinServer(site.folder, site.plan, site);
  const config = await clientConfig(presence.postmaster.address, site.dataFolder);
  return new Handle(site, presence, config);
}

async function prepare(options: EmbeddedOptions): Promise<Site> {
  const made: string[] = [];
  const folder = await claimFolder(options.folder, made);
  try {
    return await prepareIn(folder, options);
  } catch (error) {
    await unmake(made);
    throw error;
  }
}

async function prepareIn(folder: string, options: EmbeddedOptions): Promise<Site> {
  const fast = options.fast ?? false;
  const existing = await findData(folder);
  const identity = await serverIdentity(existing);
  if (existing === undefined) {
    const binaries = await findBinaries(identity, options.binFolder);
    await createData(folder, binaries, { identity, fast });
  }
  const dataFolder = (await findData(folder)) ?? folder;
  const plan = async (): Promise<ServerPlan> => {
    const binaries = await findBinaries(identity, options.binFolder);
    await checkData(folder, dataFolder, binaries);
    const address = await chooseAddress(dataFolder, identity);
    return { binaries, dataFolder, logFile: join(folder, 'postgres.log'), address, identity, fast };
  };
  return { folder, dataFolder, plan };
}

class Handle implements EmbeddedServer {
  readonly url: string;
  readonly folder: string;
  readonly #site: Site;
  readonly #closing = new AbortController();
  #presence: Presence | undefined;
  #keeping: Promise<void> = Promise.resolve();
  #closed: Promise<void> | undefined;

  constructor(
    site: Site,
    presence: Presence,
    readonly config: pg.ClientConfig,
  ) {
    this.#site = site;
    this.url = connectionUrl(config);
    this.folder = site.folder;
    this.#attach(presence);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  #attach(presence: Presence): void {
    this.#presence = presence;
    presence.client.once('end', () => {
      this.#presence = undefined;
      if (!this.#closing.signal.aborted) this.#keeping = this.#rejoin();
    });
  }

  /** Without our lock another handle's closing would stop the server under us: retry for ever. */
  async #rejoin(): Promise<void> {
    const { signal } = this.#closing;
    for (let delayMs = 50; !signal.aborted; delayMs = Math.min(delayMs * 2, 1_000)) {
      try {
        const presence = await joinServer(this.#site.folder, this.#site.plan, {
          dataFolder: this.#site.dataFolder,
          signal,
        });
        this.#attach(presence);
        return;
      } catch {
        await pause(delayMs, undefined, { ref: false, signal }).catch(() => undefined);
      }
    }
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await this.#keeping;
    const presence = this.#presence ?? (await this.#lastVisit());
    if (presence === undefined) return;
    const alone = await takeAlone(presence.client);
    if (alone) {
      const { dataFolder, plan } = this.#site;
      await stopServer(dataFolder, async () => (await plan()).binaries.pgCtl);
      await releaseAddress(presence.postmaster.address, dataFolder);
    }
    await presence.client.end().catch(() => undefined);
  }

  /** Our connection was cut but the server may live, with nobody left to stop it. */
  async #lastVisit(): Promise<Presence | undefined> {
    const postmaster = await readPostmaster(this.#site.dataFolder);
    if (postmaster === undefined) return undefined;
    const answer = await attend(postmaster, this.#site.dataFolder).catch(() => undefined);
    return typeof answer === 'object' ? answer : undefined;
  }
}

/**
 * Trades the shared lock for the exclusive one. Given up first: two who close at once would else
 * each see the other's and leave the server running. A process that was just killed holds its lock
 * until the server notices: such locks are waited for.
 */
async function takeAlone(client: pg.Client): Promise<boolean> {
  try {
    await client.query('select pg_advisory_unlock_shared($1)', [PRESENCE_LOCK]);
    const deadline = performance.now() + NOTICE_TIMEOUT_MS;
    while (!(await tryAlone(client))) {
      if ((await hasLivingUsers(client)) || performance.now() > deadline) return false;
      await pause(20);
    }
    return true;
  } catch {
    return false; // it ended by itself
  }
}

const NOTICE_TIMEOUT_MS = 3_000;

async function tryAlone(client: pg.Client): Promise<boolean> {
  const answer = await client.query<{ alone: boolean }>(
    'select pg_try_advisory_lock($1) as alone',
    [PRESENCE_LOCK],
  );
  return answer.rows[0]?.alone === true;
}

async function hasLivingUsers(client: pg.Client): Promise<boolean> {
  const answer = await client.query<{ name: string }>(
    `select application_name as name from pg_stat_activity
     where application_name like $1 || '%' and pid <> pg_backend_pid()`,
    [PRESENCE_NAME],
  );
  return answer.rows.some(({ name }) => isAlive(Number(name.slice(PRESENCE_NAME.length))));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
