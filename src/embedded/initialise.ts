import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmod, chown, mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Binaries } from './binaries.js';
import type { Identity } from './identity.js';
import { spawnOptions } from './server.js';

/** The database and the user that every embedded server has. */
export const DATABASE = 'jobledger';
/** The file in the data folder with the password for servers that listen on TCP. */
export const PASSWORD_FILE = 'jobledger.password';

/** Makes a complete data folder, the database included, at a path that does not exist yet. */
export async function initialise(
  dataFolder: string,
  binaries: Binaries,
  options: { readonly identity: Identity | undefined; readonly fast: boolean },
): Promise<void> {
  const { identity } = options;
  await mkdir(dataFolder, { mode: 0o700 });
  if (identity) await chown(dataFolder, identity.uid, identity.gid);
  const password = randomBytes(24).toString('base64url');
  const passwordFile = join(dirname(dataFolder), `postgres.new-${process.pid}-password`);
  try {
    await writeSecret(passwordFile, password, identity);
    const args = ['-D', dataFolder, '-U', DATABASE, '--encoding=UTF8', '--locale=C'];
    // The socket stands in a folder that only its user may enter; a port is open to every user.
    args.push('--auth-local=trust', '--auth-host=scram-sha-256', `--pwfile=${passwordFile}`);
    if (options.fast) args.push('--no-sync');
    await runAs(binaries.initdb, args, { dataFolder, identity });
  } finally {
    await rm(passwordFile, { force: true });
  }
  await writeSecret(join(dataFolder, PASSWORD_FILE), password, identity);
  const single = ['--single', '-D', dataFolder, ...(options.fast ? ['-F'] : []), 'template1'];
  await runAs(binaries.postgres, single, {
    dataFolder,
    identity,
    input: `create database ${DATABASE} strategy file_copy\n`,
  });
}

async function writeSecret(path: string, text: string, identity?: Identity): Promise<void> {
  await writeFile(path, text, { mode: 0o600 });
  await chmod(path, 0o600);
  if (identity) await chown(path, identity.uid, identity.gid);
}

function runAs(
  command: string,
  args: readonly string[],
  options: { dataFolder: string; identity: Identity | undefined; input?: string },
): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, spawnOptions(options.identity, options.dataFolder));
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
    child.stdout.resume();
    child.once('error', reject);
    child.stdin.on('error', () => undefined); // it ended early: its exit code says why
    child.stdin.end(options.input ?? '');
    child.once('close', (code) => {
      if (code === 0 && !/(ERROR|FATAL|PANIC):/.test(errors)) resolve();
      else reject(new Error(errors.trim() || `${command} ended with code ${code}`));
    });
  });
}
