import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { chooseAddress } from '../../src/embedded/address.js';
import { findBinaries } from '../../src/embedded/binaries.js';
import { clientConfig, connectionUrl } from '../../src/embedded/connection.js';
import { claimFolder, createData, findData } from '../../src/embedded/data-folder.js';
import { serverIdentity } from '../../src/embedded/identity.js';
import { joinServer } from '../../src/embedded/join.js';
import { readPostmaster, untilGone, type ServerPlan } from '../../src/embedded/server.js';
import { dataHome } from './folder.js';
import { copyPristine } from './pristine.js';

/** A server of one test's own, to be treated badly. Its address stays the same for its life. */
export interface ThrowawayPostgres {
  readonly url: string;
  readonly config: pg.ClientConfig;
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

/**
 * Starts a server with one empty database on it. It runs with fsync off unless told, which a killed
 * process survives (a killed machine would not); `settings` are `name=value`.
 */
export async function startPostgres(
  options: { readonly fast?: boolean; readonly settings?: readonly string[] } = {},
): Promise<ThrowawayPostgres> {
  const folder = await claimFolder(await dataHome());
  const plan = await planServer(folder, { fast: true, ...options });
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
  return {
    url: connectionUrl(config),
    config,
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

async function planServer(
  folder: string,
  options: { readonly fast: boolean; readonly settings?: readonly string[] },
): Promise<ServerPlan> {
  const identity = await serverIdentity();
  const binaries = await findBinaries(identity, inject('postgresBin') || undefined);
  const pristineData = inject('pristineData');
  if (pristineData) await copyPristine(pristineData, folder);
  else await createData(folder, binaries, { identity, fast: true });
  const dataFolder = (await findData(folder)) ?? folder;
  const address = await chooseAddress(dataFolder, identity);
  return {
    binaries,
    dataFolder,
    logFile: join(folder, 'postgres.log'),
    address,
    identity,
    ...options,
  };
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
