import { chmod, lstat, mkdir, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** The user that a server runs as when this process is root. */
export interface Identity {
  readonly uid: number;
  readonly gid: number;
}

const NOBODY: Identity = { uid: 65534, gid: 65534 };

/**
 * Whom to run Postgres as: `undefined` means as ourselves. Postgres refuses root, so root runs it
 * as the owner of the data, or as nobody if there is no data yet.
 */
export async function serverIdentity(dataFolder?: string): Promise<Identity | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const owner = dataFolder === undefined ? undefined : await stat(dataFolder);
  return owner === undefined || owner.uid === 0 ? NOBODY : { uid: owner.uid, gid: owner.gid };
}

/** True if the identity may enter every folder above the path, and read and enter the path. */
export async function canReach(path: string, identity: Identity): Promise<boolean> {
  const own = await stat(path);
  if (!allows(own, identity, 0o5)) return false;
  for (let parent = dirname(path); ; parent = dirname(parent)) {
    if (!allows(await stat(parent), identity, 0o1)) return false;
    if (parent === dirname(parent)) return true;
  }
}

/**
 * A folder that any user may enter and only we may write, for what cannot stay where it is. Root
 * gets one that outlives the cleaners of temporary folders, since data may go there.
 */
export async function sharedFolder(): Promise<string> {
  const uid = process.getuid?.() ?? 0;
  const temporary = join(tmpdir(), `jobledger-${uid}`);
  const candidates =
    uid === 0 && process.platform !== 'win32'
      ? ['/var/lib/jobledger', '/var/tmp/jobledger-0', temporary]
      : [temporary];
  for (const candidate of candidates) {
    if (await isOurs(candidate, uid)) return candidate;
  }
  throw new Error(`none of ${candidates.join(', ')} can be written`);
}

function allows(
  of: { readonly mode: number; readonly uid: number; readonly gid: number },
  identity: Identity,
  bits: number,
): boolean {
  const shift = of.uid === identity.uid ? 6 : of.gid === identity.gid ? 3 : 0;
  return ((of.mode >> shift) & bits) === bits;
}

/** Others may create names in temporary folders: theirs are never trusted. */
async function isOurs(folder: string, uid: number): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true });
    const found = await lstat(folder);
    if (process.platform === 'win32') return found.isDirectory();
    if (!found.isDirectory() || found.uid !== uid) return false;
    await chmod(folder, 0o711);
    return uid !== 0 || (await canEnter(folder));
  } catch {
    return false;
  }
}

async function canEnter(folder: string): Promise<boolean> {
  for (let path = folder; path !== dirname(path); path = dirname(path)) {
    if (!allows(await stat(path), NOBODY, 0o1)) return false;
  }
  return true;
}
