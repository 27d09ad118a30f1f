import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, renameSync, statSync } from 'node:fs';
import { readFile, readlink, rm } from 'node:fs/promises';
import { join, parse } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Address } from './address.js';
import type { Binaries } from './binaries.js';
import type { Identity } from './identity.js';

/** All that is needed to start a server. */
export interface ServerPlan {
  readonly binaries: Binaries;
  readonly dataFolder: string;
  readonly logFile: string;
  readonly address: Address;
  readonly identity: Identity | undefined;
  /** Trade durability for speed: tests only. */
  readonly fast: boolean;
  /** Further settings, `name=value`; a later one wins. */
  readonly settings?: readonly string[];
}

/** What a server says about itself in `postmaster.pid`. */
export interface Postmaster {
  readonly pid: number;
  readonly address: Address;
  readonly ready: boolean;
}

const LOG_LIMIT_BYTES = 10 * 1024 * 1024;

/**
 * Starts a server that outlives us. It gets a session of its own: Ctrl-C in a terminal must reach
 * our process alone, which still needs the server to end its work.
 */
export function spawnServer(plan: ServerPlan): ChildProcess {
  rotateLog(plan.logFile);
  const log = openSync(plan.logFile, 'a');
  try {
    const [command, args] = commandLine(plan);
    const child = spawn(command, args, {
      ...spawnOptions(plan.identity, plan.dataFolder),
      detached: true,
      stdio: ['ignore', log, log],
    });
    child.unref();
    return child;
  } finally {
    closeSync(log);
  }
}

/**
 * Options for running a Postgres program: never with our PG* variables or locale, nor in a working
 * folder that its user cannot enter.
 */
export function spawnOptions(
  identity: Identity | undefined,
  dataFolder: string,
): { env?: NodeJS.ProcessEnv; cwd: string; uid?: number; gid?: number } {
  const env = process.platform === 'win32' ? {} : { env: { LC_ALL: 'C', TZ: 'UTC' } };
  return { ...env, cwd: parse(dataFolder).root, ...identity };
}

/** The server that holds the data folder according to its lock file, dead or alive. */
export async function readPostmaster(dataFolder: string): Promise<Postmaster | undefined> {
  const text = await readFile(join(dataFolder, 'postmaster.pid'), 'utf8').catch(() => '');
  const [pid, , , port, socketFolder, host, , status] = text.split('\n').map((line) => line.trim());
  if (!pid || !port || !(socketFolder || host)) return undefined;
  return {
    pid: Number(pid),
    address: { host: socketFolder || host || '', port: Number(port) },
    ready: status === 'ready',
  };
}

/**
 * Whether the holder of the lock file lives. Its number alone proves nothing: after a container
 * restarts it may belong to any process, but only a server works inside the data folder.
 */
export async function isRunning(server: Postmaster, dataFolder: string): Promise<boolean> {
  if (process.platform !== 'linux') return signal(server.pid, 0);
  const cwd = await readlink(`/proc/${server.pid}/cwd`).catch(() => undefined);
  return cwd === dataFolder;
}

/**
 * Removes a lock file whose process number now belongs to something else: Postgres would take that
 * process for a server and refuse to start for ever.
 */
export async function removeForeignLock(dataFolder: string): Promise<void> {
  const found = await readPostmaster(dataFolder);
  if (found === undefined || (await isRunning(found, dataFolder))) return;
  await rm(join(dataFolder, 'postmaster.pid'), { force: true });
}

/** Fast shutdown: sessions are ended, a checkpoint is written. Resolves once the server is gone. */
export async function stopServer(
  dataFolder: string,
  findPgCtl: () => Promise<string>,
): Promise<void> {
  const found = await readPostmaster(dataFolder);
  if (found === undefined) return;
  if (process.platform === 'win32') {
    await promisify(execFile)(await findPgCtl(), ['stop', '-m', 'fast', '-D', dataFolder]);
    return;
  }
  signal(found.pid, 'SIGINT');
  await untilGone(dataFolder, found.pid);
}

/** Resolves when the server is gone: giving up its lock file is the last thing that it does. */
export async function untilGone(dataFolder: string, pid: number): Promise<void> {
  for (;;) {
    const found = await readPostmaster(dataFolder);
    if (found?.pid !== pid || !(await isRunning(found, dataFolder))) return;
    await pause(5);
  }
}

function signal(pid: number, name: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(pid, name);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

function commandLine(plan: ServerPlan): [string, string[]] {
  const args = ['-D', plan.dataFolder, ...settings(plan).flatMap((setting) => ['-c', setting])];
  if (process.platform !== 'win32') return [plan.binaries.postgres, args];
  // pg_ctl drops the administrator's rights, with which Postgres would refuse to run.
  const options = settings(plan).map((setting) => `-c "${setting}"`);
  return [plan.binaries.pgCtl, ['start', '-D', plan.dataFolder, '-o', options.join(' ')]];
}

function settings({ address, fast, settings: further = [] }: ServerPlan): string[] {
  const socket = address.host.startsWith('/');
  return [
    `port=${address.port}`,
    `listen_addresses=${socket ? '' : address.host}`,
    // A list: quoted, or a comma in the path would make it two.
    `unix_socket_directories=${socket ? `"${address.host.replaceAll('"', '""')}"` : ''}`,
    'timezone=UTC',
    'log_timezone=UTC',
    'log_checkpoints=off',
    ...(fast ? ['fsync=off', 'full_page_writes=off', 'max_connections=300'] : []),
    ...further,
  ];
}

/** One old log is kept: a server that fails for weeks must not fill the disk with its reasons. */
function rotateLog(logFile: string): void {
  const size = statSync(logFile, { throwIfNoEntry: false })?.size ?? 0;
  if (size > LOG_LIMIT_BYTES) renameSync(logFile, `${logFile}.1`);
}
