import { execFile } from 'node:child_process';
import { appendFile, chown, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import pg from 'pg';
import type { ThrowawayPostgres } from './throwaway.js';

/** A server as far as another one follows it. */
type Primary = Pick<ThrowawayPostgres, 'url' | 'config' | 'dataFolder'>;

/** What belongs to the running server and not to its data. */
const OF_THE_RUN = ['postmaster.pid', 'postmaster.opts', '.s.PGSQL.5432', '.s.PGSQL.5432.lock'];

/** Copies a running server's data as `pg_basebackup` does, and makes the copy follow the server. */
export async function copyAsStandby(primary: Primary, folder: string): Promise<void> {
  const client = new pg.Client(primary.url);
  await client.connect();
  try {
    await client.query(`select pg_backup_start('standby', true)`);
    await copyLive(primary.dataFolder, join(folder, 'postgres'));
    const { rows } = await client.query<{ labelfile: string }>(
      'select labelfile from pg_backup_stop()',
    );
    const copy = join(folder, 'postgres');
    await Promise.all(OF_THE_RUN.map((name) => rm(join(copy, name), { force: true })));
    await writeOwned(copy, 'backup_label', rows[0]!.labelfile);
    await follow(copy, primary);
  } finally {
    await client.end();
  }
}

/** A server at work removes files now and then: one that has gone was not needed. */
async function copyLive(from: string, to: string): Promise<void> {
  await promisify(execFile)('cp', ['-a', from, to]).catch((error: { stderr: string }) => {
    const lines = error.stderr.trim().split('\n');
    if (!lines.every((line) => line.endsWith('No such file or directory'))) throw error;
  });
}

/** From its next start on, the server of this data is a standby of that primary. */
export async function follow(dataFolder: string, { config }: Primary): Promise<void> {
  const conninfo = `host=${config.host} port=${config.port} user=${config.user}`;
  // The last setting of a name counts.
  await appendFile(
    join(dataFolder, 'postgresql.auto.conf'),
    `\nprimary_conninfo = '${conninfo}'\n`,
  );
  await writeOwned(dataFolder, 'standby.signal', '');
}

/** Files that root writes are still the server's to read and remove. */
async function writeOwned(dataFolder: string, name: string, text: string): Promise<void> {
  const { uid, gid } = await stat(dataFolder);
  await writeFile(join(dataFolder, name), text, { mode: 0o600 });
  await chown(join(dataFolder, name), uid, gid);
}
