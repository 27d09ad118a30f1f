// The run's own Postgres: fresh data, durability as it is by default, an address that stays. It can
// be killed with all its children, as by a power cut of the process, and started again.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { load } from './program.mjs';

/** Starts the server. `settings` are `name=value`. */
export async function startPostgres(program, folder, settings = []) {
  const embedded = await embeddedOf(program);
  const home = await embedded.claimFolder(folder);
  const identity = await embedded.serverIdentity();
  const binaries = await embedded.findBinaries(identity);
  await embedded.createData(home, binaries, { identity, fast: false });
  const dataFolder = await embedded.findData(home);
  const address = await embedded.chooseAddress(dataFolder, identity);
  const logFile = join(home, 'postgres.log');
  const plan = { binaries, dataFolder, logFile, address, identity, fast: false, settings };
  const start = async () => {
    const { client } = await embedded.joinServer(home, () => Promise.resolve(plan), { dataFolder });
    await client.end();
  };
  const end = async (kill) => {
    const found = await embedded.readPostmaster(dataFolder);
    if (found === undefined) return;
    kill(found.pid);
    await embedded.untilGone(dataFolder, found.pid);
  };
  await start();
  const config = await embedded.clientConfig(address, dataFolder);
  return {
    url: embedded.connectionUrl(config),
    config,
    start,
    /** Postmaster and children at once: nobody of them gets to write anything more. */
    kill: () => end((pid) => [pid, ...childrenOf(pid)].forEach((one) => signal(one, 'SIGKILL'))),
    /** What `pg_ctl stop -m immediate` sends. */
    stopImmediate: () => end((pid) => signal(pid, 'SIGQUIT')),
    stop: () => end((pid) => signal(pid, 'SIGINT')),
  };
}

async function embeddedOf(program) {
  const names = ['address', 'binaries', 'connection', 'data-folder', 'identity', 'join', 'server'];
  const modules = await Promise.all(names.map((name) => load(program, `embedded/${name}.js`)));
  return Object.assign({}, ...modules);
}

/** Processes whose parent this is. */
function childrenOf(parent) {
  return readdirSync('/proc').filter((name) => /^\d+$/.test(name) && parentOf(name) === parent);
}

function parentOf(pid) {
  try {
    // The name in parentheses may hold anything, spaces too.
    return Number(
      readFileSync(`/proc/${pid}/stat`, 'utf8')
        .replace(/^.*\) /s, '')
        .split(' ')[1],
    );
  } catch {
    return undefined; // it has ended meanwhile
  }
}

function signal(pid, name) {
  try {
    process.kill(Number(pid), name);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}
