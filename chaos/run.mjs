// One run of a suite: sets the scene, makes the faults of the schedule while processes work, lets
// everything drain, and asks for the verdict. It leaves nothing behind but, on damage, the folder that
// shows it. A suite is its `faults`, and how its scene is set, drained and judged.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Crew } from './crew.mjs';
import { randomOf } from './random.mjs';
import { readRecords } from './records.mjs';
import { schedule } from './schedule.mjs';

/** Faults at a time; some last seconds. */
const SIDE_BY_SIDE = 3;

/** Runs and gives the verdict; `say` hears of what goes on. */
export async function run(suite, flags, say) {
  const scene = emptyScene(flags);
  const { folder } = scene;
  const interrupted = () => void clear(scene, true).finally(() => process.exit(130));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, interrupted);
  try {
    await suite.set(scene);
    const made = await makeFaults(suite.faults, scene, flags, say);
    say('no more faults; draining');
    const left = await suite.drain(scene);
    const verdict = await suite.judge(scene, { left, records: readRecords(scene.records) });
    const kept = verdict.problems.length > 0 || flags.keep;
    await clear(scene, !kept);
    return {
      seed: flags.seed,
      faults: made,
      ...counted(made),
      ...verdict,
      folder: kept ? folder : null,
    };
  } catch (error) {
    await clear(scene, false);
    throw new Error(`the run broke down (its folder is ${folder}): ${error.stack}`, {
      cause: error,
    });
  }
}

/** `ends` are what the suite has to end, in turn, when its processes are gone. */
function emptyScene({ seed }) {
  const folder = mkdtempSync(join(tmpdir(), 'jobledger-chaos-'));
  chmodSync(folder, 0o755);
  const records = join(folder, 'records');
  mkdirSync(records);
  return { folder, records, seed, crew: new Crew(folder), ends: [] };
}

/** Faults that found something to harm, by name. */
async function makeFaults(kinds, scene, { seed, faults, kills, minutes }, say) {
  const made = {};
  const until = performance.now() + minutes * 60_000;
  const busy = new Set();
  const running = new Set();
  const plan = schedule(kinds, randomOf(seed, 'faults'), faults * 4);
  // Kinds that have not been made yet: one that found nothing to harm comes again before the others.
  const owed = new Set(Object.keys(kinds));
  let done = 0;
  const wereAllMade = () => Object.keys(kinds).every((name) => made[name] !== undefined);
  // With a number of kills the run ends as soon as there are so many, and one of every kind of fault.
  const isEnough = () =>
    done >= faults ||
    (kills !== undefined && wereAllMade() && counted(made).kills >= kills) ||
    performance.now() > until;
  for (const [n, { name: planned, gapMs }] of plan.entries()) {
    await pause(gapMs);
    while (running.size >= SIDE_BY_SIDE || done + running.size >= faults) {
      if (running.size === 0) break;
      await Promise.race(running);
    }
    if (isEnough()) break;
    const random = randomOf(seed, 'fault', n);
    const [name = planned] = n < Object.keys(kinds).length ? [planned] : owed;
    const fault = kinds[name];
    const target = targetOf(scene.crew, fault.needs, random, busy);
    if (target === undefined) continue;
    busy.add(target);
    owed.delete(name);
    const one = harm(scene, fault, random, target).then((harmed) => {
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
  if (needs === undefined) return `fault ${random.next()}`;
  const places = crew.names(`${needs}.mjs`);
  if (places.length > 0) return random.shuffled(places).find((name) => !busy.has(name));
  return busy.has(needs) ? undefined : needs;
}

/** A fault that another one spoils (Postgres is away just then) did not happen. */
async function harm(scene, { needs, run: make }, random, target) {
  try {
    return (await make(scene, random, target)) !== false;
  } catch (error) {
    if (SERVERS.has(needs)) throw error;
    return false;
  }
}

/** Their faults only kill and start them: when that fails the run has broken down. */
const SERVERS = new Set(['postgres', 'broker']);

function counted(made) {
  const sum = (names) => names.reduce((all, name) => all + made[name], 0);
  const names = Object.keys(made);
  return { faultsMade: sum(names), kills: sum(names.filter((name) => name.endsWith(' killed'))) };
}

async function clear({ crew, ends, folder }, remove) {
  await crew.dismissAll('SIGKILL');
  for (const end of ends) await end();
  if (remove) rmSync(folder, { recursive: true, force: true, maxRetries: 20 });
}
