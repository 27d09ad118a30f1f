import { readFileSync, closeSync, openSync, rmSync, writeSync, fdatasyncSync } from 'node:fs';
import { arch, cpus, platform, release, totalmem } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { now } from './clock.mjs';
import { median } from './numbers.mjs';

const BENCH = dirname(dirname(fileURLToPath(import.meta.url)));

/** What a reader of the figures must know of the machine and of the server. */
export async function describeMachine(server) {
  const processors = cpus();
  return {
    processor: `${processors.length} × ${processors[0]?.model.trim() ?? arch()}`,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
    node: process.version,
    ...(server.folder && { fdatasyncMs: fdatasyncMs(server.folder) }),
    ...(server.programs && { programs: server.programs }),
    ...(await describeServer(server.url)),
  };
}

/** Versions of the contestants as installed. */
export function versionsOf(contestants) {
  return Object.fromEntries(
    [...contestants.map((contestant) => contestant.package), 'pg'].map((name) => {
      const path = join(BENCH, 'node_modules', name, 'package.json');
      return [name, JSON.parse(readFileSync(path, 'utf8')).version];
    }),
  );
}

async function describeServer(url) {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query(
      `select current_setting('server_version') as postgres,
         current_setting('shared_buffers') as "sharedBuffers",
         current_setting('max_wal_size') as "maxWalSize"`,
    );
    return { ...rows[0], optimisation: await optimisationOf(client) };
  } finally {
    await client.end();
  }
}

/** How its compiler was told to optimise, such as -O2; null where we may not ask. */
async function optimisationOf(client) {
  try {
    const { rows } = await client.query(`select setting from pg_config where name = 'CFLAGS'`);
    return rows[0]?.setting.match(/(?<=^| )-O\S*/g)?.at(-1) ?? null;
  } catch {
    return null;
  }
}

/** One line that says which Postgres it is. */
export function nameOfServer({ postgres, optimisation, programs }) {
  return [`Postgres ${postgres}`, optimisation && `built with ${optimisation}`, programs]
    .filter(Boolean)
    .join(', ');
}

/** What a commit waits for on this disk: 8 kB written and synced, the median of 200. */
function fdatasyncMs(folder) {
  const path = join(folder, 'fdatasync');
  const file = openSync(path, 'w');
  const page = Buffer.alloc(8_192, 1);
  const times = Array.from({ length: 200 }, (_, index) => {
    const at = now();
    writeSync(file, page, 0, page.length, index * page.length);
    fdatasyncSync(file);
    return now() - at;
  });
  closeSync(file);
  rmSync(path);
  return Number(median(times).toFixed(3));
}
