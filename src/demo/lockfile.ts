import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { LedgerError } from '../index.js';

/** A package that the lockfile says is installed. */
export type LockedPackage = {
  /** Its folder, from the project's, with forward slashes. */
  readonly path: string;
  readonly name: string;
  /** Null where the lockfile names none, as for some workspaces. */
  readonly version: string | null;
  readonly optional: boolean;
  /** What it is built for (`darwin arm64`); null for every platform. */
  readonly platform: string | null;
};

const LOCKFILE = 'package-lock.json';

/**
 * The packages of the project in a folder, in the lockfile's order: nested ones and workspaces too,
 * each once. Throws LedgerError `BAD_INPUT` where there is nothing to audit.
 */
export async function readLockfile(project: string): Promise<readonly LockedPackage[]> {
  const text = await readFile(join(project, LOCKFILE), 'utf8').catch((error: unknown) => {
    throw refusal(LOCKFILE, 'a project with npm packages in the current folder', error);
  });
  const entries = Object.entries(packagesOf(text));
  const locked = entries.filter(([path, entry]) => isPackage(path, entry)).map(toPackage);
  if (locked.length === 0) throw refusal(LOCKFILE, 'at least one package, found none');
  await stat(join(project, 'node_modules')).catch((error: unknown) => {
    throw refusal('node_modules', 'installed packages; run npm ci first', error);
  });
  return locked;
}

interface LockEntry {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly link?: unknown;
  readonly optional?: unknown;
  readonly devOptional?: unknown;
  readonly os?: unknown;
  readonly cpu?: unknown;
  readonly libc?: unknown;
}

function packagesOf(text: string): Readonly<Record<string, unknown>> {
  const lock = parsed(text);
  if (typeof lock.packages !== 'object' || lock.packages === null) {
    const got = `got ${JSON.stringify(lock.lockfileVersion ?? null)}`;
    throw refusal(LOCKFILE, `lockfileVersion 2 or 3, ${got}; run npm install with npm 7 or later`);
  }
  return lock.packages as Readonly<Record<string, unknown>>;
}

function parsed(text: string): { readonly packages?: unknown; readonly lockfileVersion?: unknown } {
  try {
    return Object(JSON.parse(text)) as object;
  } catch (error) {
    throw refusal(LOCKFILE, 'a JSON document', error);
  }
}

/** Not the project itself, nor a link: the folder that it leads to has an entry of its own. */
function isPackage(path: string, entry: unknown): boolean {
  const isEntry = typeof entry === 'object' && entry !== null;
  return path !== '' && isEntry && (entry as LockEntry).link !== true;
}

function toPackage([path, value]: [string, unknown]): LockedPackage {
  const entry = value as LockEntry;
  const platform = [entry.os, entry.cpu, entry.libc]
    .flat()
    .filter((one) => typeof one === 'string');
  return {
    path,
    // An alias and a workspace whose folder is called otherwise carry their name; others do not.
    name: typeof entry.name === 'string' ? entry.name : nameInPath(path),
    version: typeof entry.version === 'string' ? entry.version : null,
    optional: entry.optional === true || entry.devOptional === true,
    platform: platform.length === 0 ? null : platform.join(' '),
  };
}

function nameInPath(path: string): string {
  const start = path.lastIndexOf('node_modules/');
  return start < 0 ? basename(path) : path.slice(start + 'node_modules/'.length);
}

function refusal(field: string, expected: string, cause?: unknown): LedgerError {
  return new LedgerError('BAD_INPUT', `${field}: expected ${expected}`, { cause });
}
