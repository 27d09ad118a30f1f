import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import type { TestProject } from 'vitest/node';
import { openEmbedded } from '../../src/embedded/embedded.js';
import { dataHome } from './folder.js';
import { isLedgerError } from '../../src/errors.js';
import { copyPristine, createPristine } from './pristine.js';
import { prepareTemplate } from './template.js';

declare module 'vitest' {
  interface ProvidedContext {
    /** The server that all test files share, as a URL of its maintenance database. */
    readonly serverUrl: string;
    /** The migrated database that `createDatabase` copies. */
    readonly templateDatabase: string;
    /** The programs of the Postgres under test; empty for the embedded one. */
    readonly postgresBin: string;
    /** Initialised data to be copied; empty with `DATABASE_URL` and no programs. */
    readonly pristineData: string;
  }
}

/**
 * One server for the whole run: an embedded one, of `JOBLEDGER_TEST_POSTGRES_BIN` if that names a
 * folder of Postgres programs, or the one of `DATABASE_URL`.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const binFolder = process.env['JOBLEDGER_TEST_POSTGRES_BIN'] ?? '';
  const server = await findServer(process.env['DATABASE_URL'], binFolder);
  // Two runs may share a server of DATABASE_URL.
  const template = `jobledger_template_${process.pid}`;
  await onServer(server.url, `create database ${template}`);
  await prepareTemplate(withDatabase(server.url, template));
  project.provide('serverUrl', server.url);
  project.provide('templateDatabase', template);
  project.provide('postgresBin', binFolder);
  project.provide('pristineData', server.pristineData);
  return async () => {
    await onServer(server.url, `drop database if exists ${template} with (force)`);
    await server.close();
  };
}

/** The same server's URL for another of its databases. */
export function withDatabase(serverUrl: string, database: string): string {
  return serverUrl.replace(/^(\w+:\/\/[^/]*\/)[^?]*/, `$1${database}`);
}

/** Runs one statement on the server's maintenance database. */
export async function onServer(serverUrl: string, statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: serverUrl });
  await client.connect();
  try {
    await client.query(statement);
  } finally {
    await client.end();
  }
}

async function findServer(
  given: string | undefined,
  binFolder: string,
): Promise<{ url: string; pristineData: string; close: () => Promise<void> }> {
  const root = await dataHome();
  const remove = (): Promise<void> => rm(root, { recursive: true, force: true, maxRetries: 20 });
  const pristineData = await createPristine(join(root, 'pristine'), binFolder).catch((error) => {
    if (given && isLedgerError(error, 'MISSING_PACKAGE')) return '';
    throw error;
  });
  if (given) return { url: given, pristineData, close: remove };
  const folder = join(root, 'server');
  await copyPristine(pristineData, folder);
  const server = await openEmbedded({ folder, fast: true, ...(binFolder && { binFolder }) });
  const close = async (): Promise<void> => {
    await server.close();
    await remove();
  };
  return { url: server.url, pristineData, close };
}
