import { renameSync, writeFileSync } from 'node:fs';
import { loadContestant } from '../contestants/all.mjs';
import { judge } from '../targets.mjs';
import { machineSeconds, treeSeconds } from './cpu.mjs';
import { now } from './clock.mjs';
import { undoAll, undoAtSignals, unlessInterrupted } from './exit.mjs';
import { describeMachine, nameOfServer, versionsOf } from './machine.mjs';
import { openServer } from './server.mjs';
import { openStage } from './stage.mjs';
import { summarise } from './summary.mjs';
import { cells, textTable } from './table.mjs';
import { warmUp } from './warm.mjs';

/** Runs what the options ask for. Gives the exit code: 1 if a run failed; a missed target is none. */
export async function main(options) {
  undoAtSignals();
  const report = await run(options);
  if (options.json) console.log(JSON.stringify(report, null, 2));
  return report.parts.some(({ runs }) => runs.some((run) => run.error)) ? 1 : 0;
}

async function run(options) {
  try {
    return await runParts(options);
  } catch (error) {
    return await unlessInterrupted(error);
  } finally {
    await undoAll();
  }
}

async function runParts(options) {
  const server = await openServer(options);
  const contestants = await Promise.all(options.contestants.map(loadContestant));
  const report = await begin(server, contestants, options);
  console.error(nameOfServer(report.machine));
  if (!options.database) await warmUp(server.url, options.scale);
  for (const name of options.parts) {
    const { part } = await import(`../parts/${name}.mjs`);
    report.parts.push(await runPart(part, { server, contestants, options }));
    if (!options.json) print(report.parts.at(-1), options);
    save(report, options);
  }
  return report;
}

async function begin(server, contestants, { rounds, scale }) {
  return {
    at: new Date().toISOString(),
    rounds,
    scale,
    machine: await describeMachine(server),
    versions: versionsOf(contestants),
    settings: Object.fromEntries(contestants.map(({ name, settings }) => [name, settings])),
    parts: [],
  };
}

async function runPart(part, { server, contestants, options }) {
  const { rounds, scale } = options;
  const entrants = contestants.filter((contestant) => part.enters?.(contestant) ?? true);
  const runs = [];
  for (let round = 1; round <= rounds; round += 1) {
    // Nobody is always first: the file cache, the disk and the neighbours differ by the minute.
    const turn = (round - 1) % Math.max(1, entrants.length);
    for (const contestant of [...entrants.slice(turn), ...entrants.slice(0, turn)]) {
      const elapsed = Math.round(performance.now() / 1_000);
      console.error(`${elapsed} s: ${part.name}, round ${round} of ${rounds}, ${contestant.name}`);
      runs.push({ round, ...(await runOnce(part, { server, contestant, scale })) });
    }
  }
  const rows = [...part.rows, { key: 'others', title: 'CPU of others, % of a core', plain: true }];
  const measured = { name: part.name, title: part.title, rows, runs };
  return { ...measured, targets: judge(measured) };
}

async function runOnce(part, { server, contestant, scale }) {
  let stage;
  try {
    stage = await openStage({ server, contestant, scale, prompt: part.prompt ?? false });
    const before = load();
    const figures = await part.run(stage);
    return { contestant: contestant.name, figures: { ...figures, others: others(before) } };
  } catch (error) {
    await unlessInterrupted(error).catch(() => undefined);
    console.error(`${part.name}: ${contestant.name} failed: ${error.stack}`);
    return { contestant: contestant.name, error: error.message };
  } finally {
    await stage?.close();
  }
}

function load() {
  return { at: now(), machine: machineSeconds(), ours: treeSeconds(process.pid) };
}

/** CPU of what is neither this program, nor below it, in percent of a core. */
function others(before) {
  const after = load();
  if (after.machine === null || after.ours === null) return null;
  const seconds = after.machine - before.machine - (after.ours - before.ours);
  return (Math.max(0, seconds) * 100_000) / (after.at - before.at);
}

function print(part, { scale }) {
  console.log(`\n${part.name}: ${part.title}${scale === 1 ? '' : ` (all × ${scale})`}`);
  console.log(textTable(cells(summarise(part))));
  for (const { text, verdict } of part.targets) console.log(`  ${verdict}: ${text}`);
  console.log('');
}

/** Whole or not at all: an interrupted run leaves the parts before. */
function save(report, { output }) {
  if (output === undefined) return;
  writeFileSync(`${output}.new`, `${JSON.stringify(report, null, 2)}\n`);
  renameSync(`${output}.new`, output);
}
