import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, rmdir } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { LedgerError } from '../errors.js';
import type { Identity } from './identity.js';

/** Where a server listens: `host` is a folder (of its socket) or a host name. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

const SOCKET_PORT = 5432;
// 104 bytes on macOS, 108 on Linux, with the closing zero.
const LONGEST_SOCKET_PATH_BYTES = 103;

/**
 * The address to start a server on: always the same for a data folder, so that an address handed
 * out stays good when the server has to be started again. The socket stands inside the data folder,
 * which only its user may enter; Windows gets a free port.
 */
export async function chooseAddress(
  dataFolder: string,
  identity: Identity | undefined,
): Promise<Address> {
  if (process.platform === 'win32') return { host: '127.0.0.1', port: await freePort() };
  if (fits(dataFolder)) return { host: dataFolder, port: SOCKET_PORT };
  const name = createHash('sha256').update(dataFolder).digest('hex').slice(0, 16);
  const folder = join(SOCKET_HOME, `jobledger-${name}`);
  await claimSocketFolder(folder, identity);
  return { host: folder, port: SOCKET_PORT };
}

/** Removes a socket folder outside the data; harmless if another start is using it again. */
export async function releaseAddress(address: Address, dataFolder: string): Promise<void> {
  if (!address.host.startsWith(join(SOCKET_HOME, 'jobledger-')) || address.host === dataFolder)
    return;
  await rmdir(address.host).catch(() => undefined);
}

/** Short on every machine, which the folder for temporary files need not be. */
const SOCKET_HOME = '/tmp';

function fits(folder: string): boolean {
  const path = join(folder, `.s.PGSQL.${SOCKET_PORT}`);
  return Buffer.byteLength(path) <= LONGEST_SOCKET_PATH_BYTES;
}

/** Anyone may create names in /tmp: one that is not ours could be a trap, and is refused. */
async function claimSocketFolder(folder: string, identity: Identity | undefined): Promise<void> {
  const uid = identity?.uid ?? process.getuid?.();
  const made = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (made !== undefined && identity) await chown(folder, identity.uid, identity.gid);
  const found = await lstat(folder);
  if (found.isDirectory() && found.uid === uid && (found.mode & 0o077) === 0) return;
  throw new LedgerError(
    'DATA_FOLDER',
    `socket folder ${folder} belongs to somebody else: expected a shorter path of the data folder`,
  );
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
}
