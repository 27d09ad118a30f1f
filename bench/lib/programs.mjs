import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Where Debian, Ubuntu and the packages of postgresql.org put theirs: a folder for each major. */
const INSTALLED = '/usr/lib/postgresql';
/** The oldest that jobledger runs on. */
const OLDEST = 15;

/**
 * The folder of the Postgres to start: the one that was asked for, else the newest production build
 * that is installed, else undefined, which means the embedded package's.
 */
export function binFolderOf(asked, installed = INSTALLED) {
  if (asked === undefined) return newest(installed);
  if (hasPrograms(asked)) return asked;
  const message = `--postgres-bin ${asked}: expected a folder with initdb, pg_ctl and postgres`;
  throw Object.assign(new Error(message), { isUsage: true });
}

function newest(installed) {
  const names = existsSync(installed) ? readdirSync(installed) : [];
  return names
    .filter((name) => Number(name) >= OLDEST)
    .sort((a, b) => Number(b) - Number(a))
    .map((name) => join(installed, name, 'bin'))
    .find(hasPrograms);
}

function hasPrograms(folder) {
  return ['initdb', 'pg_ctl', 'postgres'].every((name) => existsSync(join(folder, name)));
}
