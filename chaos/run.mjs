// One run: sets the scene, makes the faults of the schedule while processes work, lets everything
// drain, and asks for the verdict. It leaves nothing behind but, on damage, the folder that shows it.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Crew } from './crew.mjs';
import { FAULTS, schedule } from './faults.mjs';
import { startPostgres } from './postgres.mjs';
import { copyProgram, load } from './program.mjs';
import { startProxy } from './proxy.mjs';
import { randomOf } from './random.mjs';
import { readRecords } from './records.mjs';
import { strangersOf } from './scene.mjs';
import { judge } from './verdict.mjs';

/** Short, so that many faults fit into minutes. A lease is still five heartbeats. */
const WORKER = {
  ...{ heartbeatMs: 300, leaseMs: 1_500, pollIntervalMs: 250, concurrency: 8 },
  ...{ shutdownGraceMs: 1_500, shutdownAbortMs: 500, cancelGraceMs: 1_500 },
};
const PARTITIONS = 4;
const MAX_CONNECTIONS = 60;
const DRAIN_MS = 120_000;
/** Faults at a time; some last seconds. */
const SIDE_BY_SIDE = 3;

/** Runs and gives the verdict; `say` hears of what goes on. */
export async function run(flags, say) {
  const folder = mkdtempSync(join(tmpdir(), 'jobledger-chaos-'));
  chmodSync(folder, 0o755);
  const scene = await setScene(folder, flags);
  const interrupted = () => void clear(scene, true).finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, interrupted);
  try {
    const made = await makeFaults(scene, flags, say);
    const drained = await drain(scene, say);
    const verdict = await judge(scene, { made, drained, records: readRecords(scene.records) });
    const damaged = verdict.problems.length > 0;
    await clear(scene, !(damaged || flags.keep));
    return {
      seed: flags.seed,
      faults: made,
      ...verdict,
      folder: damaged || flags.keep ? folder : null,
    };
  } catch (error) {
    await clear(scene, false);
    throw new Error(`the run broke down (its folder is ${folder}): ${error.stack}`, {
      cause: error,
    });
  }
}

async function setScene(folder, { seed }) {
  const program = copyProgram(folder);
  const records = join(folder, 'records');
  mkdirSync(records);
  const postgres = await startPostgres(program, join(folder, 'data'), [
    `max_connections=${MAX_CONNECTIONS}`,
  ]);
  const { connect, ask } = strangersOf(postgres.config);
  const { migrateDatabase } = await load(program, 'index.js');
  await migrateDatabase({ database: postgres.url, partitions: PARTITIONS });
  await ask('create schema shop');
  await ask('create table shop.orders(job uuid primary key)');
  const proxy = await startProxy(postgres.config);
  const crew = new Crew(folder);
  const scene = { folder, program, records, seed, postgres, proxy, crew, connect, ask };
  await fillCrew({ ...scene, url: proxy.url });
  return { ...scene, partitions: PARTITIONS };
}

async function fillCrew({ crew, program, records, url, seed }) {
  const common = { program, records, url };
  const worker = (name, ledger) => ({
    ...common,
    name,
    worker: WORKER,
    ledger: { logger: false, ...ledger },
  });
  await Promise.all([
    crew.open('worker-1', 'worker.mjs', worker('worker-1')),
    // Two connections for everything: its pool is always busy.
    crew.open('worker-2', 'worker.mjs', worker('worker-2', { maxConnections: 4 })),
    crew.open('worker-3', 'worker.mjs', worker('worker-3'), { shiftMs: 7 * 60_000 }),
    ...['producer-1', 'producer-2'].map((name) =>
      crew.open(name, 'producer.mjs', {
        ...{ ...common, name, seed, perSecond: 12 },
        ledger: { enqueueTimeoutMs: 3_000, maxConnections: 6 },
      }),
    ),
  ]);
}

/** Faults that found something to harm, by name. */
async function makeFaults(scene, { seed, faults, minutes }, say) {
  const made = {};
  const until = performance.now() + minutes * 60_000;
  const busy = new Set();
  const running = new Set();
  const plan = schedule(randomOf(seed, 'faults'), faults * 4);
  // Kinds that have not been made yet: one that found nothing to harm comes again before the others.
  const owed = new Set(Object.keys(FAULTS));
  let done = 0;
  for (const [n, { name: planned, gapMs }] of plan.entries()) {
    await pause(gapMs);
    while (running.size >= SIDE_BY_SIDE || done + running.size >= faults) {
      if (running.size === 0) break;
      await Promise.race(running);
    }
    if (done >= faults || performance.now() > until) break;
    const random = randomOf(seed, 'fault', n);
    const [name = planned] = n < Object.keys(FAULTS).length ? [planned] : owed;
    const target = targetOf(scene.crew, FAULTS[name].needs, random, busy);
    if (target === undefined) continue;
    busy.add(target);
    owed.delete(name);
    const one = harm(scene, name, random, target).then((harmed) => {
      busy.delete(target);
      running.delete(one);
      if (!harmed) {
        if (made[name] === undefined) owed.add(name);
        return;
      }
      done += 1;
      made[name] = (made[name] ?? 0) + 1;
      say(`${String(done).padStart(3)} ${name}${target.startsWith('fault') ? '' : ` (${target})`}`);
    });
    running.add(one);
  }
  await Promise.all(running);
  return made;
}

/** What a fault has for itself while it lasts, or undefined if that is taken. */
function targetOf(crew, needs, random, busy) {
  if (needs === 'worker' || needs === 'producer') {
    return random.shuffled(crew.names(`${needs}.mjs`)).find((name) => !busy.has(name));
  }
  if (needs === undefined) return `fault ${random.next()}`;
  return busy.has(needs) ? undefined : needs;
}

/** A fault that another one spoils (Postgres is away just then) did not happen. */
async function harm(scene, name, random, target) {
  try {
    return (await FAULTS[name].run(scene, random, target)) !== false;
  } catch (error) {
    if (FAULTS[name].needs === 'postgres') throw error;
    return false;
  }
}

/** No more faults, no more jobs: what is there has time to end. */
async function drain({ crew, ask, postgres }, say) {
  say('no more faults; draining');
  await postgres.start();
  const producers = crew.names('producer.mjs');
  await Promise.all(producers.map((name) => crew.dismiss(name, 'SIGTERM')));
  const until = performance.now() + DRAIN_MS;
  for (;;) {
    const [left] = await ask(`select (select count(*) from jobledger.inbox) as inbox,
      (select count(*) from jobledger.ready) + (select count(*) from jobledger.scheduled)
        + (select count(*) from jobledger.leases) as jobs`);
    if (left.inbox === '0' && left.jobs === '0') return true;
    if (performance.now() > until) return false;
    await pause(200);
  }
}

async function clear({ crew, proxy, postgres, folder }, remove) {
  await crew.dismissAll('SIGKILL');
  proxy.close();
  await postgres.kill();
  if (remove) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
}
