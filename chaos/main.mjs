// `npm run chaos`: harms a ledger at work in every way that a machine can, and proves from its events
// and from records outside of it that nothing was lost, doubled or made up; with `--kafka` also a
// broker and its relays, and proves that the topic is the ledger. It promises to end, to say
// by which seed it can be run again, and to leave no process behind. Exit code 1: damage was found.
import { readFlags } from './flags.mjs';
import { kafkaSuite } from './kafka/suite.mjs';
import { ledgerSuite } from './ledger-suite.mjs';
import { report } from './report.mjs';
import { run } from './run.mjs';

let flags;
try {
  flags = readFlags(process.argv.slice(2));
} catch (error) {
  console.error(error.message);
  process.exit(2);
}

const say = (line) => void process.stderr.write(`${line}\n`);
say(`seed ${flags.seed}: ${flags.faults} faults, at most ${flags.minutes} minutes of them`);
const since = performance.now();
const verdict = await run(flags.kafka ? kafkaSuite : ledgerSuite, flags, say);
const seconds = Math.round((performance.now() - since) / 1_000);
if (flags.json)
  console.log(JSON.stringify({ ...verdict, seconds, verified: verdict.problems.length === 0 }));
else for (const line of report(verdict, seconds)) console.log(line);
process.exitCode = verdict.problems.length === 0 ? 0 : 1;
