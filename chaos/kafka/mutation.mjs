// The proof that the suite would find damage on a topic: plays each scenario whole, and with a fence of
// the relay taken out. Arguments: names of mutants, all unless given. One line of JSON per performance:
// which rules are broken, what was told by the relay, and the lines that show it.
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Crew } from '../crew.mjs';
import { startPostgres } from '../postgres.mjs';
import { copyProgram, load } from '../program.mjs';
import { readRecords, recorder } from '../records.mjs';
import { strangersOf, until } from '../scene.mjs';
import { MUTANTS } from './mutants.mjs';
import { openRelay, setBroker } from './suite.mjs';
import { readTopic } from './topic.mjs';
import { compare, readLedger } from './verdict.mjs';

const BY = { actor: 'chaos', reason: 'mutant' };
const IN_TIME_MS = 90_000;
let databases = 0;

const chosen = process.argv.slice(2);
for (const name of chosen)
  if (!Object.hasOwn(MUTANTS, name)) throw new Error(`no mutant "${name}"`);
const home = mkdtempSync(join(tmpdir(), 'jobledger-mutants-'));
chmodSync(home, 0o755);
mkdirSync(join(home, 'whole'));
const whole = copyProgram(join(home, 'whole'));
const theatre = { folder: home, program: whole, ends: [] };
try {
  const postgres = await startPostgres(whole, join(home, 'data'));
  theatre.ends.push(postgres.kill);
  await setBroker(theatre);
  for (const name of chosen.length > 0 ? chosen : Object.keys(MUTANTS)) {
    const { scenario, patch } = MUTANTS[name];
    for (const performance of ['whole', 'without']) {
      const found = await perform(postgres, scenario, performance === 'whole' ? undefined : patch);
      console.log(JSON.stringify({ mutant: name, performance, ...found }));
    }
  }
} finally {
  for (const end of theatre.ends) await end();
  rmSync(home, { recursive: true, force: true, maxRetries: 20 });
}

/** Plays a scenario on a ledger and a topic of its own. */
async function perform(postgres, scenario, patch) {
  const folder = mkdtempSync(join(home, 'stage-'));
  const program = copyProgram(folder);
  patch?.(program);
  const stage = await setStage(postgres, folder, program);
  try {
    await scenario(stage);
  } finally {
    await stage.crew.dismissAll('SIGTERM');
  }
  const { broker, kafkaProxy, topic } = stage;
  const { brokers } = kafkaProxy;
  const records = await readTopic({ classpath: broker.classpath, brokers, topic, expected: 1 });
  const broken = compare(await readLedger(stage), records).filter((rule) => rule.broken.length > 0);
  return {
    rules: broken.map(({ name }) => name),
    told: readRecords(stage.records)('told').map(({ text }) => text),
    ids: records.map(({ headers }) => headers.get('ce_id')),
    lines: [...broken.flatMap((rule) => rule.broken), ...stage.crew.unordered],
  };
}

async function setStage(postgres, folder, program) {
  const records = join(folder, 'records');
  mkdirSync(records);
  const database = `mutant_${++databases}`;
  const outside = strangersOf(postgres.config);
  await outside.ask(`create database ${database}`);
  const config = { ...postgres.config, database };
  const { migrateDatabase } = await load(whole, 'index.js');
  await migrateDatabase({ database: config, partitions: 1 });
  const { broker, kafkaProxy } = theatre;
  const stage = { broker, kafkaProxy, program, records, proxy: { url: config }, topic: database };
  const crew = new Crew(folder);
  return {
    ...{ ...stage, ...strangersOf(config), ...callsOf(config), crew },
    ...watchesOf(strangersOf(config), folder),
    openRelay: (name) => openRelay({ ...stage, crew }, name),
    tell: recorder(records, 'stage'),
    keepCopy: () => outside.ask(`create database ${database}_copy template ${database}`),
    swapForCopy: async () => {
      await outside.ask(`drop database ${database} with (force)`);
      await outside.ask(`alter database ${database}_copy rename to ${database}`);
    },
  };
}

/** What callers do, each with a ledger of its own: nobody is connected in between. */
function callsOf(config) {
  const call = async (make) => {
    const { openLedger } = await load(whole, 'index.js');
    const ledger = await openLedger({ database: config, logger: false });
    try {
      return await make(ledger);
    } finally {
      await ledger.close();
    }
  };
  return {
    enqueue: (count) =>
      call(async (ledger) => {
        const items = Array.from({ length: count }, () => ({ job: 'nobody', payload: {} }));
        return (await ledger.enqueueMany(items)).map(({ id }) => id);
      }),
    touch: (ids) =>
      call(async (ledger) => {
        for (const id of ids) await ledger.reprioritize(id, { ...BY, priority: 3 });
      }),
  };
}

function watchesOf({ ask }, folder) {
  const isAtHead = async () =>
    (
      await ask(`select from jobledger.publications
      where position = (select max(position) from jobledger.events)`)
    ).length > 0;
  return {
    published: () => until('all is published', isAtHead, IN_TIME_MS),
    /** What keeps it from going on; undefined once it has gone on. */
    refused: async () => {
      const trouble = async () =>
        (await ask('select trouble from jobledger.publications where trouble is not null'))[0];
      const look = async () => (await trouble()) ?? ((await isAtHead()) && { trouble: undefined });
      return (await until('it refuses, or goes on', look, IN_TIME_MS)).trouble;
    },
    /** What a process logs; undefined if it says nothing of the sort for a while. */
    logged: (name, pattern) =>
      until(
        `${name} says so`,
        () => pattern.exec(readFileSync(join(folder, `${name}.log`), 'utf8'))?.[0],
        10_000,
      ).catch(() => undefined),
  };
}
