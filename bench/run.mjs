// `npm run bench`: jobledger beside graphile-worker and pg-boss, on one Postgres with full
// durability. Owns the folder bench/: contestants/ says how each system is used, settings.mjs with
// which settings and why, parts/ what is measured, targets.mjs what we want to see.
// Promises that all run on the same server with the same work, in turn, and that the server, its
// data and all processes are gone afterwards. Uses jobledger as a user would: its built package
// and its public API. Never touches a database that it was not given, and no database there either
// but those it makes.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { HELP, parseOptions } from './lib/options.mjs';

const bench = dirname(fileURLToPath(import.meta.url));
const root = dirname(bench);

try {
  const options = parseOptions(process.argv.slice(2));
  if (options.help) {
    console.log(HELP);
  } else {
    if (options.build) run('node', ['scripts/build.mjs']);
    if (!isInstalled()) run('npm', ['ci', '--prefix', 'bench', '--no-audit', '--no-fund']);
    const { main } = await import('./lib/main.mjs');
    process.exitCode = await main(options);
  }
} catch (error) {
  console.error(`bench: ${error.isUsage ? error.message : error.stack}`);
  process.exitCode = 2;
}

/** What it prints must not get into `--json`. */
function run(command, args) {
  const done = spawnSync(command, args, {
    cwd: root,
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  if (done.error) throw done.error;
  if (done.status !== 0) throw new Error(`${command} ${args.join(' ')} ended with ${done.status}`);
}

/** True if every package is there in the version that package.json pins. */
function isInstalled() {
  const { dependencies } = readJson(join(bench, 'package.json'));
  return Object.entries(dependencies).every(([name, version]) => {
    const path = join(bench, 'node_modules', name, 'package.json');
    if (!existsSync(path)) return false;
    return version.startsWith('file:') || readJson(path).version === version;
  });
}

function readJson(path) {
  return JSON.parse(readFileSync(path, 'utf8'));
}
