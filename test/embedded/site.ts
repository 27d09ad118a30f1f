import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { inject, onTestFinished } from 'vitest';
import { openEmbedded, type EmbeddedServer } from '../../src/embedded/embedded.js';
import { readPostmaster } from '../../src/embedded/server.js';
import { dataHome } from '../support/folder.js';
import { copyPristine } from '../support/pristine.js';

/**
 * A folder for one test, with data unless it is to be `fresh`. Its server, if one is left, dies with
 * the test.
 */
export async function testSite(options: { fresh?: boolean; name?: string } = {}): Promise<string> {
  const root = await dataHome();
  const folder = join(root, options.name ?? '.jobledger');
  const pristineData = inject('pristineData');
  if (!options.fresh && pristineData) await copyPristine(pristineData, folder);
  onTestFinished(async () => {
    const pid = await serverPid(folder);
    if (pid !== undefined && isAlive(pid)) process.kill(pid, 'SIGKILL');
    await rm(root, { recursive: true, force: true, maxRetries: 20 });
  });
  return folder;
}

/** Opens the folder's server; the handle is closed at the end of the test. */
export async function open(folder: string, { fast = true } = {}): Promise<EmbeddedServer> {
  const binFolder = inject('postgresBin');
  const server = await openEmbedded({ folder, fast, ...(binFolder && { binFolder }) });
  onTestFinished(() => server.close());
  return server;
}

/** One statement on a connection of its own. */
export async function ask(url: string, statement: string): Promise<unknown[]> {
  const client = new pg.Client(url);
  client.on('error', () => undefined); // some statements end it
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** How many handles hold the server: of all processes. */
export async function lockHolders(url: string): Promise<number> {
  const rows = await ask(url, `select from pg_locks where locktype = 'advisory' and granted`);
  return rows.length;
}

export async function serverPid(folder: string): Promise<number | undefined> {
  return (await readPostmaster(join(folder, 'postgres')))?.pid;
}

export function isAlive(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}
