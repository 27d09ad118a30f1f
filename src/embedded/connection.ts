import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type pg from 'pg';
import type { Address } from './address.js';
import { DATABASE, PASSWORD_FILE } from './initialise.js';

/** How to connect to the database of a server at this address. */
export async function clientConfig(address: Address, dataFolder: string): Promise<pg.ClientConfig> {
  const base = { host: address.host, port: address.port, user: DATABASE, database: DATABASE };
  if (isSocket(address)) return base;
  const password = await readFile(join(dataFolder, PASSWORD_FILE), 'utf8');
  return { ...base, password };
}

/** The same as a URL, for other processes. */
export function connectionUrl(config: pg.ClientConfig): string {
  const { host = '', port = 0, user = '', password = '', database = '' } = config;
  if (host.startsWith('/')) {
    return `postgres://${user}@/${database}?host=${encodeURIComponent(host)}&port=${port}`;
  }
  return `postgres://${user}:${String(password)}@${host}:${port}/${database}`;
}

function isSocket(address: Address): boolean {
  return address.host.startsWith('/');
}
