import { chmod, mkdir, mkdtemp, open, readdir, readFile, realpath, rename } from 'node:fs/promises';
import { lstat, rm, rmdir, stat, symlink } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { LedgerError } from '../errors.js';
import type { Binaries } from './binaries.js';
import { canReach, sharedFolder, type Identity } from './identity.js';
import { initialise } from './initialise.js';

const DATA = 'postgres';
const DRAFT = 'postgres.new-';
const OWN_FILES = /^(postgres\.(log(\.1)?|new-.*)|\.gitignore)$/;

/**
 * Makes the folder if need be and gives its real path, or refuses it if it is something else. What
 * had to be made is added to `made`, the outermost first.
 */
export async function claimFolder(path: string, made: string[] = []): Promise<string> {
  const wanted = resolve(path);
  try {
    await makeFolder(wanted, made);
    const folder = await realpath(wanted);
    const entries = await readdir(folder);
    const foreign = entries.find((entry) => entry !== DATA && !OWN_FILES.test(entry));
    if (foreign !== undefined && !entries.includes(DATA)) {
      throw refusal(wanted, `expected an empty folder or one of jobledger, found "${foreign}"`);
    }
    return folder;
  } catch (error) {
    await unmake(made);
    throw explain(wanted, error);
  }
}

/** Removes folders that were made for nothing; one that somebody has put something into stays. */
export async function unmake(made: readonly string[]): Promise<void> {
  for (const folder of made.toReversed()) await rmdir(folder).catch(() => undefined);
}

/** The real path of the folder's Postgres data, or `undefined` if there is none yet. */
export async function findData(folder: string): Promise<string | undefined> {
  const path = join(folder, DATA);
  try {
    const entry = await lstat(path).catch(absent);
    if (entry === undefined) return undefined;
    const data = await realpath(path).catch(absent);
    if (data === undefined) {
      throw refusal(folder, `expected the Postgres data that ${path} points to, found nothing`);
    }
    if ((await readMajor(data)) === undefined) {
      throw refusal(folder, `expected Postgres data in ${path}, found something else`);
    }
    return data;
  } catch (error) {
    throw explain(folder, error);
  }
}

/** Refuses data that these binaries cannot read, or that this process may not use. */
export async function checkData(folder: string, data: string, binaries: Binaries): Promise<void> {
  const major = await readMajor(data);
  if (major !== binaries.major) {
    throw refusal(folder, `expected data of Postgres ${binaries.major}, found version ${major}`);
  }
  const uid = process.getuid?.() ?? 0;
  const owner = (await stat(data)).uid;
  if (uid !== 0 && owner !== uid) {
    throw refusal(folder, `expected data of user ${uid}, found it owned by user ${owner}`);
  }
}

/**
 * Creates the data under a name of our own and publishes it by one atomic step: of two starters one
 * wins, and a starter that dies leaves nothing that could be taken for data. If the server's user
 * cannot enter the folder (root's project under a home of mode 700), the data stands elsewhere and
 * the published name points to it.
 */
export async function createData(
  folder: string,
  binaries: Binaries,
  options: { readonly identity: Identity | undefined; readonly fast: boolean },
): Promise<void> {
  const { identity } = options;
  try {
    await removeDrafts(folder);
    const away = identity !== undefined && !(await canReach(folder, identity));
    const place = away ? await mkdtemp(join(await sharedFolder(), 'data-')) : folder;
    if (away) await chmod(place, 0o711);
    const draft = away ? join(place, DATA) : join(place, `${DRAFT}${process.pid}-${unique()}`);
    try {
      await initialise(draft, binaries, options);
      if (away) await symlink(draft, join(folder, DATA));
      else await rename(draft, join(folder, DATA));
    } catch (error) {
      await rm(away ? place : draft, { recursive: true, force: true });
      if ((await findData(folder)) === undefined) throw error; // else another starter was first
    }
    await syncFolder(folder);
  } catch (error) {
    throw explain(folder, error);
  }
}

/** Turns what the file system says into one line that names the folder. */
export function explain(folder: string, error: unknown): unknown {
  if (error instanceof LedgerError) return error;
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  const text = error instanceof Error ? error.message : String(error);
  if (code === 'ENOSPC' || code === 'EDQUOT' || FULL.test(text)) {
    return refusal(folder, 'expected room for about 100 MB, found the disk full', error);
  }
  if (['EACCES', 'EPERM', 'EROFS', 'ENOENT'].includes(String(code))) {
    return refusal(folder, 'expected a folder that this user may read and write', error);
  }
  if (code === 'EEXIST' || code === 'ENOTDIR') {
    return refusal(folder, 'expected a folder, found a file', error);
  }
  return refusal(folder, cause(text), error);
}

/** In the words of the system, and of a Postgres that could write only a part. */
const FULL = /No space left on device|Disk quota exceeded|Check free disk space/i;

/** Of many lines the first that names a fault: what follows is its consequence, or the tidying up. */
function cause(text: string): string {
  const lines = text.trim().split('\n');
  return lines.find((line) => /\b(error|FATAL|PANIC): /i.test(line)) ?? lines.at(-1) ?? text;
}

/** The error of a data folder that cannot be used. */
export function refusal(folder: string, text: string, cause?: unknown): LedgerError {
  return new LedgerError('DATA_FOLDER', `data folder ${folder}: ${text}`, { cause });
}

/**
 * Level by level, once each: node's recursive mkdir never ends where a file system answers ENOENT
 * below a folder that exists (/proc).
 */
async function makeFolder(path: string, made: string[]): Promise<void> {
  const missing: string[] = [];
  for (let level = path; !(await exists(level)); level = dirname(level)) missing.unshift(level);
  for (const level of missing) {
    const isOurs = await mkdir(level).then(
      () => true,
      async (error: NodeJS.ErrnoException) => {
        // Another starter was first.
        if (error.code === 'EEXIST' && (await stat(level)).isDirectory()) return false;
        throw error;
      },
    );
    if (isOurs) made.push(level);
  }
}

async function exists(path: string): Promise<boolean> {
  return dirname(path) === path || (await stat(path).catch(absent)) !== undefined;
}

async function readMajor(data: string): Promise<number | undefined> {
  const text = await readFile(join(data, 'PG_VERSION'), 'utf8').catch(absent);
  return text === undefined ? undefined : Number.parseInt(text, 10);
}

function absent(error: NodeJS.ErrnoException): undefined {
  if (error.code !== 'ENOENT') throw error;
}

let drafts = 0;
function unique(): number {
  return (drafts += 1);
}

/** What killed starters left. A draft of a living process is its own business. */
async function removeDrafts(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const pid = Number(new RegExp(`^${DRAFT}(\\d+)-`).exec(entry)?.[1]);
    if (Number.isNaN(pid) || isAlive(pid)) continue;
    await rm(join(folder, entry), { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Without it a power cut could undo the publishing, and with it all that was recorded since. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  for (const path of [folder, dirname(folder)]) {
    const handle = await open(path, 'r').catch(() => undefined);
    await handle?.sync().catch(() => undefined);
    await handle?.close();
  }
}
