import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { LedgerError } from '../errors.js';
import { isFree } from './free-ports.js';
import { javaOptions, type BrokerHome } from './serve.js';
import { LOG_PROPERTIES, serverProperties, type BrokerPlace } from './settings.js';

/**
 * Refuses a folder on which a broker runs. Kafka has a lock of its own, but takes it only after it
 * has written to the log of its metadata: a second broker would spoil the first one's.
 */
export async function refuseInUse(folder: string): Promise<void> {
  const text = await readFile(join(folder, 'server.properties'), 'utf8').catch(() => '');
  const ports = [...text.matchAll(/^listeners=.*$/gm)].flatMap(([line]) => [
    ...line.matchAll(/:(\d+)/g),
  ]);
  for (const [, port] of ports) {
    if (await isFree(Number(port))) continue;
    const found = `found port ${port} of its broker in use`;
    throw new LedgerError('DATA_FOLDER', `${folder}: expected a folder without a broker, ${found}`);
  }
}

/** Writes the settings, and formats the folder for the data if that has not been done. */
export async function prepare(
  home: BrokerHome,
  ports: Omit<BrokerPlace, 'dataFolder'>,
): Promise<void> {
  const dataFolder = join(home.folder, 'data');
  const settings = join(home.folder, 'server.properties');
  await mkdir(dataFolder, { recursive: true });
  await writeFile(join(home.folder, 'log4j2.properties'), LOG_PROPERTIES);
  await writeFile(settings, serverProperties({ ...ports, dataFolder }));
  if (existsSync(join(dataFolder, 'meta.properties'))) return;
  const format = ['kafka.tools.StorageTool', 'format', '-t', clusterId(), '-c', settings];
  await promisify(execFile)('java', [...javaOptions(home), ...format]);
}

/** As Kafka makes them: 16 bytes in base64, and none that looks like an option. */
function clusterId(): string {
  const id = randomBytes(16).toString('base64url');
  return id.startsWith('-') ? clusterId() : id;
}
