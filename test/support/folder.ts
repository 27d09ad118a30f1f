import { chmod, mkdtemp, rm, statfs } from 'node:fs/promises';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';

/** A new folder that other users may enter, as the server of a test run by root must. */
export async function temporaryFolder(): Promise<string> {
  return makeFolder(tmpdir());
}

/**
 * The same for the data of servers: in memory where that is plenty, since a database is a thousand
 * small files, which many disks are slow to make.
 */
export async function dataHome(): Promise<string> {
  return makeFolder((await isRoomy(MEMORY)) ? MEMORY : tmpdir());
}

/** The folder, which is removed when the file's tests are over. */
export function removeAfterFile(folder: string): string {
  toRemove.push(folder);
  return folder;
}

/** Removes the folders that a file is done with. */
export async function removeFolders(): Promise<void> {
  const options = { recursive: true, force: true, maxRetries: 20 };
  await Promise.all(toRemove.splice(0).map((folder) => rm(folder, options)));
}

const toRemove: string[] = [];
const MEMORY = '/dev/shm';
const PLENTY_BYTES = 4 * 1024 ** 3;

async function makeFolder(home: string): Promise<string> {
  const folder = await mkdtemp(join(home, 'jobledger-test-'));
  await chmod(folder, 0o755);
  return folder;
}

/** A container's shared memory is often 64 MB, and what stands in it is memory of the machine. */
async function isRoomy(folder: string): Promise<boolean> {
  const found = await statfs(folder).catch(() => undefined);
  const free = found === undefined ? 0 : found.bavail * found.bsize;
  return Math.min(free, freemem()) >= PLENTY_BYTES;
}
