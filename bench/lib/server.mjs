import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { chooseAddress } from '../../dist/embedded/address.js';
import { findBinaries } from '../../dist/embedded/binaries.js';
import { clientConfig, connectionUrl } from '../../dist/embedded/connection.js';
import { createData, findData } from '../../dist/embedded/data-folder.js';
import { serverIdentity } from '../../dist/embedded/identity.js';
import { joinServer } from '../../dist/embedded/join.js';
import { readPostmaster, stopServer } from '../../dist/embedded/server.js';
import { SERVER } from '../settings.mjs';
import { onExit } from './exit.mjs';
import { binFolderOf } from './programs.mjs';

const MEMORY_FILE_SYSTEMS = [0x01021994, 0x858458f6]; // tmpfs, ramfs

/** The server that all run on: the one of a URL, or one of our own, gone when the program ends. */
export async function openServer({ database, folder, postgresBin }) {
  const server = database
    ? { url: database }
    : await startServer(folder ?? tmpdir(), binFolderOf(postgresBin));
  await requireDurability(server.url);
  return server;
}

/** The same server's URL for another of its databases. */
export function withDatabase(url, database) {
  return url.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${database}`);
}

async function startServer(home, binFolder) {
  const found = await statfs(home).catch(() => undefined);
  if (!found) throw usage(`--folder ${home}: expected a folder that is there`);
  if (MEMORY_FILE_SYSTEMS.includes(found.type)) {
    throw usage(`${home} is in memory, where fsync costs nothing: expected --folder on a disk`);
  }
  const folder = await mkdtemp(join(home, 'jobledger-bench-'));
  onExit(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  await chmod(folder, 0o755); // as root, the server is another user
  const identity = await serverIdentity();
  const binaries = await findBinaries(identity, binFolder);
  await createData(folder, binaries, { identity, fast: false });
  const dataFolder = (await findData(folder)) ?? folder;
  const address = await chooseAddress(dataFolder, identity);
  const settings = Object.entries(SERVER).map(([name, value]) => `${name}=${value}`);
  const logFile = join(folder, 'postgres.log');
  const plan = { binaries, dataFolder, logFile, address, identity, fast: false, settings };
  onExit(() => stopServer(dataFolder, () => Promise.resolve(binaries.pgCtl)));
  const { client } = await joinServer(folder, () => Promise.resolve(plan), { dataFolder });
  await client.end();
  const pid = (await readPostmaster(dataFolder))?.pid;
  return {
    url: connectionUrl(await clientConfig(address, dataFolder)),
    pid,
    folder,
    programs: binFolder ?? 'embedded',
  };
}

/** A figure of a server that may lose what it acknowledged compares with nothing. */
async function requireDurability(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect().catch((error) => {
    throw usage(`the server does not answer: ${error.message}`);
  });
  try {
    for (const name of ['fsync', 'synchronous_commit', 'full_page_writes']) {
      const { rows } = await client.query(`show ${name}`);
      const value = rows[0][name];
      if (value !== 'on') throw usage(`the server has ${name} = ${value}: expected on`);
    }
  } finally {
    await client.end();
  }
}

function usage(message) {
  return Object.assign(new Error(message), { isUsage: true });
}
