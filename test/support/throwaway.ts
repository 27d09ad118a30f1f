import { chown, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import type pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { chooseAddress } from '../../src/embedded/address.js';
import { findBinaries } from '../../src/embedded/binaries.js';
import { clientConfig, connectionUrl } from '../../src/embedded/connection.js';
import { claimFolder, createData, findData } from '../../src/embedded/data-folder.js';
import { PASSWORD_FILE } from '../../src/embedded/initialise.js';
import { serverIdentity } from '../../src/embedded/identity.js';
import { joinServer } from '../../src/embedded/join.js';
import { readPostmaster, untilGone, type ServerPlan } from '../../src/embedded/server.js';
import type { Certificate } from './certificate.js';
import { dataHome } from './folder.js';
import { copyPristine } from './pristine.js';
import { copyAsStandby } from './standby.js';

/** A server of one test's own, to be treated badly. Its address stays the same for its life. */
export interface ThrowawayPostgres {
  readonly url: string;
  readonly config: pg.ClientConfig;
  readonly dataFolder: string;
  /** The same over TCP with a password, where `tcp` or `tls` was asked for. */
  readonly overTcp: pg.ClientConfig | undefined;
  /** As a power cut: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Ends sessions at once, writes no checkpoint (SIGQUIT): the next start recovers. */
  stopImmediate(): Promise<void>;
  /** Ends sessions in order (SIGINT). */
  stop(): Promise<void>;
  /** Starts it again after any of the above; harmless if it runs. */
  start(): Promise<void>;
  /** `stop` and `start`. */
  restart(): Promise<void>;
  /** Kills it and removes its data; done by itself at the end of a test that started it. */
  close(): Promise<void>;
}

export interface ThrowawayOptions {
  readonly fast?: boolean;
  /** Further settings, `name=value`. */
  readonly settings?: readonly string[];
  /** Listen on a port too, where a password is needed. */
  readonly tcp?: boolean;
  /** The same, and only to those who speak TLS. */
  readonly tls?: Certificate;
  /** Start with a copy of this running server's data, as a standby that follows it. */
  readonly standbyOf?: ThrowawayPostgres;
}

/**
 * Starts a server with one empty database on it. It runs with fsync off unless told, which a killed
 * process survives (a killed machine would not).
 */
export async function startPostgres(options: ThrowawayOptions = {}): Promise<ThrowawayPostgres> {
  const folder = await claimFolder(await dataHome());
  const plan = await planServer(folder, options);
  const { dataFolder } = plan;
  const start = async (): Promise<void> => {
    const { client } = await joinServer(folder, () => Promise.resolve(plan), { dataFolder });
    await client.end();
  };
  const end = (signal: NodeJS.Signals) => () => endServer(dataFolder, signal);
  const close = async (): Promise<void> => {
    await endServer(dataFolder, 'SIGKILL');
    await rm(folder, { recursive: true, force: true, maxRetries: 20 });
  };
  closeAfterTest(close);
  await start();
  const config = await clientConfig(plan.address, dataFolder);
  const password = await readFile(join(dataFolder, PASSWORD_FILE), 'utf8');
  const hasPort = options.tcp === true || options.tls !== undefined;
  return {
    overTcp: hasPort ? { ...config, host: HOST, password } : undefined,
    url: connectionUrl(config),
    config,
    dataFolder,
    kill: end('SIGKILL'),
    stopImmediate: end('SIGQUIT'),
    stop: end('SIGINT'),
    start,
    restart: async () => {
      await endServer(dataFolder, 'SIGINT');
      await start();
    },
    close,
  };
}

const HOST = '127.0.0.1';

async function planServer(folder: string, options: ThrowawayOptions): Promise<ServerPlan> {
  const identity = await serverIdentity();
  const binaries = await findBinaries(identity, inject('postgresBin') || undefined);
  const pristineData = inject('pristineData');
  if (options.standbyOf !== undefined) await copyAsStandby(options.standbyOf, folder);
  else if (pristineData) await copyPristine(pristineData, folder);
  else await createData(folder, binaries, { identity, fast: true });
  const dataFolder = (await findData(folder)) ?? folder;
  const address = await chooseAddress(dataFolder, identity);
  const settings = [...(options.settings ?? [])];
  if (options.tls !== undefined) settings.push(...(await demandTls(dataFolder, options.tls)));
  if (options.tcp === true || options.tls !== undefined) {
    settings.push(`listen_addresses=${HOST}`);
    Object.assign(address, { port: await freePort() });
  }
  return {
    binaries,
    dataFolder,
    logFile: join(folder, 'postgres.log'),
    address,
    identity,
    fast: options.fast ?? true,
    settings,
  };
}

/** Gives the server its certificate, and lets nobody in over TCP without TLS. */
async function demandTls(dataFolder: string, { cert, key }: Certificate): Promise<string[]> {
  const { uid, gid } = await stat(dataFolder);
  const files = { 'server.crt': cert, 'server.key': key, 'pg_hba.conf': TLS_ALONE };
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(dataFolder, name), text, { mode: 0o600 });
    await chown(join(dataFolder, name), uid, gid);
  }
  return ['ssl=on'];
}

const TLS_ALONE = 'local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n';

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, HOST, resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  return port;
}

async function endServer(dataFolder: string, signal: NodeJS.Signals): Promise<void> {
  const found = await readPostmaster(dataFolder);
  if (found === undefined) return;
  try {
    process.kill(found.pid, signal);
  } catch {
    return; // it was dead already
  }
  await untilGone(dataFolder, found.pid);
}

/** In a hook the caller closes it. */
function closeAfterTest(close: () => Promise<void>): void {
  try {
    onTestFinished(close);
  } catch {
    // not inside a test
  }
}
