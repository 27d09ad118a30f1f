import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { rm, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import { onTestFinished } from 'vitest';
import { serverIdentity } from '../../src/embedded/identity.js';
import { eventually } from './eventually.js';
import { temporaryFolder } from './folder.js';

const run = promisify(execFile);

/** A pgbouncer of a test's own, in transaction pooling mode. */
export interface Bouncer {
  /** The same database by way of the pooler. */
  readonly url: string;
  /** Ends it with all its connections and starts it anew. */
  restart(): Promise<void>;
}

let program: Promise<string | undefined> | undefined;

/** The installed program, installed by apt if need be and if that can be; undefined without. */
export function findPgbouncer(): Promise<string | undefined> {
  program ??= find().then((found) => found ?? install());
  return program;
}

async function find(): Promise<string | undefined> {
  for (const path of ['pgbouncer', '/usr/sbin/pgbouncer']) {
    const found = await run(path, ['--version']).catch(() => undefined);
    if (found !== undefined) return path;
  }
  return undefined;
}

async function install(): Promise<string | undefined> {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return undefined;
  // As if the machine were about to stop: the package's own service is not to be started.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '0' };
  const apt = (...args: string[]) => run('apt-get', args, { env });
  const wanted = ['install', '-y', '--no-install-recommends', 'pgbouncer'];
  const done = await apt(...wanted)
    .catch(() => apt('update').then(() => apt(...wanted)))
    .catch(() => undefined);
  return done === undefined ? undefined : find();
}

/**
 * Starts one before the server of a URL, with fewer sessions than clients: whatever one of them left
 * in its session, another would find. It ends with the test.
 */
export async function startPgbouncer(
  path: string,
  url: string,
  sessions: number,
): Promise<Bouncer> {
  const folder = await temporaryFolder();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const port = await freePort();
  const file = join(folder, 'pgbouncer.ini');
  await writeFile(file, configOf(url, port, sessions), { mode: 0o644 });
  const target = new pg.Client(url); // never connected: it only reads the URL
  const own = `postgres://${encodeURIComponent(target.user ?? '')}@127.0.0.1:${port}/${target.database}`;
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn(path, ['-q', file], { ...(await serverIdentity()), cwd: '/', stdio: 'ignore' });
    await eventually(() => answers(own));
  };
  const end = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  };
  onTestFinished(end);
  await start();
  return { url: own, restart: () => end().then(start) };
}

function configOf(url: string, port: number, sessions: number): string {
  const { host, port: serverPort, user, password } = new pg.Client(url);
  const login = `user=${user}${password ? ` password=${password}` : ''}`;
  return `[databases]
* = host=${host} port=${serverPort} ${login}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${sessions}
max_client_conn = 200
`;
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client(url);
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select 1');
    return true;
  } finally {
    await client.end();
  }
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}
