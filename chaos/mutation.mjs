// The proof that the suite would find damage: plays each scenario with a fence taken out, and tells
// what the checker and the rules find. Arguments: names of mutants, all unless given. One line of JSON
// per performance: which fences were out is in mutants.mjs, what was found is here.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Crew } from './crew.mjs';
import { readFacts } from './facts.mjs';
import { MUTANTS } from './mutants.mjs';
import { startPostgres } from './postgres.mjs';
import { copyProgram, load } from './program.mjs';
import { idOf } from './random.mjs';
import { readRecords, recorder } from './records.mjs';
import { TRANSACTION_RULES } from './rules.mjs';
import { strangersOf } from './scene.mjs';
import { check } from './verdict.mjs';

const WORKER = {
  ...{ heartbeatMs: 200, leaseMs: 1_500, pollIntervalMs: 100, concurrency: 4 },
  ...{ shutdownGraceMs: 200, shutdownAbortMs: 100 },
};
const PARTITIONS = 2;
let databases = 0;

const chosen = process.argv.slice(2);
for (const name of chosen)
  if (!Object.hasOwn(MUTANTS, name)) throw new Error(`no mutant "${name}"`);
const home = mkdtempSync(join(tmpdir(), 'jobledger-mutants-'));
chmodSync(home, 0o755);
mkdirSync(join(home, 'whole'));
const whole = copyProgram(join(home, 'whole'));
const postgres = await startPostgres(whole, join(home, 'data'));
try {
  for (const name of chosen.length > 0 ? chosen : Object.keys(MUTANTS)) {
    const { scenario, performances } = MUTANTS[name];
    for (const [performance, fences] of Object.entries(performances)) {
      const found = await perform(scenario, fences, `${name} ${performance}`);
      console.log(JSON.stringify({ mutant: name, performance, ...found }));
    }
  }
} finally {
  await postgres.kill();
  rmSync(home, { recursive: true, force: true, maxRetries: 20 });
}

/** Plays a scenario on a ledger of its own; gives the codes of findings and the names of broken rules. */
async function perform(scenario, fences, title) {
  const folder = mkdtempSync(join(home, 'stage-'));
  const program = copyProgram(folder);
  for (const { patch } of fences) patch?.(program);
  const stage = await setStage(folder, program, title);
  try {
    for (const { harm } of fences) await harm?.(stage);
    await scenario(stage);
  } finally {
    await stage.clear();
  }
  const { findings } = await check({ ...stage, program: whole });
  const facts = await readFacts(stage);
  const records = readRecords(stage.records);
  const broken = TRANSACTION_RULES.filter(({ hold }) => hold({ facts, records }).broken.length > 0);
  return {
    findings: [...new Set(findings.map(({ code }) => code))],
    rules: broken.map(({ name }) => name),
    streams: [...facts.jobs.values()].map(({ events }) => events.map(({ type }) => type).join(' ')),
    lines: findings.map(({ code, text }) => `${code}: ${text}`),
  };
}

async function setStage(folder, program, title) {
  const records = join(folder, 'records');
  mkdirSync(records);
  const database = `mutant_${++databases}`;
  await strangersOf(postgres.config).ask(`create database ${database}`);
  const config = { ...postgres.config, database };
  const { connect, ask } = strangersOf(config);
  const { migrateDatabase, openLedger } = await load(program, 'index.js');
  await migrateDatabase({ database: config, partitions: PARTITIONS });
  await ask('create schema shop');
  await ask('create table shop.orders(job uuid primary key)');
  const crew = new Crew(folder);
  const opened = [];
  const open = async () => {
    opened.push(await openLedger({ database: config, logger: false }));
    return opened.at(-1);
  };
  const startWorker = (name, options) => {
    const orders = { program, records, name, url: config, ledger: { logger: false } };
    return crew.open(name, 'worker.mjs', { ...orders, worker: { ...WORKER, ...options } });
  };
  const clear = async () => {
    await crew.dismissAll('SIGTERM');
    await Promise.all(opened.map((ledger) => ledger.close()));
  };
  const newId = (name) => idOf(title, name);
  const tell = recorder(records, 'stage');
  const stage = { connect, ask, crew, records, partitions: PARTITIONS, mayWait: 4_000 };
  return { ...stage, openLedger: open, startWorker, clear, newId, tell };
}
