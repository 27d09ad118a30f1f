import type { ChildProcess } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { setTimeout as pause } from 'node:timers/promises';
import pg from 'pg';
import { LedgerError } from '../errors.js';
import { explain, refusal } from './data-folder.js';
import { clientConfig } from './connection.js';
import {
  isRunning,
  readPostmaster,
  removeForeignLock,
  spawnServer,
  type Postmaster,
  type ServerPlan,
} from './server.js';

/** A connection that keeps the server running, and the server that it is to. */
export interface Presence {
  readonly client: pg.Client;
  readonly postmaster: Postmaster;
}

/** The advisory lock, shared by all who use a server, exclusive to the one that stops it. */
export const PRESENCE_LOCK = 7_163_905_201;

/** What presence connections are called, before the pid of their process. */
export const PRESENCE_NAME = 'jobledger embedded ';

/** A server that was just killed, or is just stopping, holds its data folder for a while. */
const RELEASE_TIMEOUT_MS = 5_000;
const RECOVERY_TIMEOUT_MS = 300_000;

/**
 * Connects to the data folder's server and takes the shared lock; starts the server as often as
 * need be. Whoever holds the lock alone may stop the server at any moment until we have it, so each
 * failure short of a refusal begins again from the start.
 */
export async function joinServer(
  folder: string,
  plan: () => Promise<ServerPlan>,
  options: { readonly dataFolder: string; readonly signal?: AbortSignal },
): Promise<Presence> {
  const starts = new Starts(folder);
  const deadline = performance.now() + RECOVERY_TIMEOUT_MS;
  while (performance.now() < deadline) {
    options.signal?.throwIfAborted();
    const postmaster = await readPostmaster(options.dataFolder);
    const answer = postmaster ? await attend(postmaster, options.dataFolder) : 'gone';
    if (typeof answer === 'object') return answer;
    if (answer === 'gone' && !starts.running) await starts.next(await plan());
    await pause(10);
  }
  throw new LedgerError('STORE_UNREACHABLE', `embedded Postgres in ${folder} is not answering`);
}

/** One attempt to take the shared lock: a presence, or how the server failed to give it. */
export async function attend(
  postmaster: Postmaster,
  dataFolder: string,
): Promise<Presence | 'busy' | 'gone'> {
  if (!postmaster.ready) return (await isRunning(postmaster, dataFolder)) ? 'busy' : 'gone';
  // The maintenance database: locks are per database, so none of the ledger's can meet this one.
  const client = new pg.Client({
    ...(await clientConfig(postmaster.address, dataFolder)),
    database: 'postgres',
    application_name: `${PRESENCE_NAME}${process.pid}`,
    connectionTimeoutMillis: 10_000,
  });
  client.on('error', () => undefined); // its end is what counts
  try {
    await client.connect();
    await client.query('select pg_advisory_lock_shared($1)', [PRESENCE_LOCK]);
    return { client, postmaster };
  } catch (error) {
    await client.end().catch(() => undefined);
    return judge(error);
  }
}

/** The starts of one joining: it gives up when they fail for longer than a release takes. */
class Starts {
  #child: ChildProcess | undefined;
  #failed = false;
  #firstFailureAt: number | undefined;
  #plan: ServerPlan | undefined;
  #logOffset = 0;

  constructor(readonly folder: string) {}

  get running(): boolean {
    return this.#child !== undefined && !this.#failed;
  }

  async next(plan: ServerPlan): Promise<void> {
    if (this.#failed) await this.#judgeFailure();
    this.#failed = false;
    this.#plan = plan;
    this.#logOffset = (await stat(plan.logFile).catch(() => undefined))?.size ?? 0;
    try {
      this.#child = spawnServer(plan);
    } catch (error) {
      throw explain(this.folder, error);
    }
    const fail = (): void => void (this.#failed = true);
    // On Windows the child is pg_ctl, which ends well once the server runs.
    this.#child.once('exit', fail).once('error', fail);
  }

  async #judgeFailure(): Promise<void> {
    const now = performance.now();
    this.#firstFailureAt ??= now;
    const reason = await this.#reason();
    if (/No space left on device/i.test(reason)) throw explain(this.folder, new Error(reason));
    if (now - this.#firstFailureAt > RELEASE_TIMEOUT_MS) {
      throw refusal(this.folder, `Postgres does not start: ${reason}`);
    }
    if (this.#plan) await removeForeignLock(this.#plan.dataFolder);
    await pause(100);
  }

  async #reason(): Promise<string> {
    if (!this.#plan) return 'unknown';
    const log = await readFile(this.#plan.logFile, 'utf8').catch(() => '');
    const lines = log.slice(this.#logOffset).split('\n');
    const fatal = lines.findLast((line) => /(FATAL|PANIC):/.test(line)) ?? '';
    return fatal.replace(/^.*?(FATAL|PANIC):\s*/, '') || `see ${this.#plan.logFile}`;
  }
}

function judge(error: unknown): 'busy' | 'gone' {
  const text = error instanceof Error ? error.message : String(error);
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  const answered = error instanceof pg.DatabaseError;
  // Starting, stopping, or full for the moment.
  if (code === '57P03' || code === '53300' || (!answered && /timeout/i.test(text))) return 'busy';
  // The farewell of a server that ends, or no server's answer at all.
  if (code === '57P01' || code === '57P02' || (!answered && code !== 'EACCES')) return 'gone';
  throw new LedgerError('STORE_UNREACHABLE', `embedded Postgres refuses us: ${text}`, {
    cause: error,
  });
}
