import type { Command } from 'commander';
import { Screen } from '../demo/screen.js';
import { duration } from '../human.js';
import type { Restored, RestoreProgress } from '../index.js';
import { EXIT } from './exit-codes.js';
import { addKafkaOptions, KAFKA_HELP, kafkaOptions, type KafkaFlags } from './kafka-flags.js';
import { badInput } from './parse.js';
import { print, printJson } from './print.js';
import { ledgerOptions } from './store-flags.js';
import { count, grouped, oneLine } from './text.js';

type RestoreFlags = KafkaFlags & { readonly fromKafka?: boolean; readonly tail?: boolean };

const HELP = `
Example:
  $ jobledger restore --from-kafka --brokers kafka-1:9092 --database postgres://…/new

Stop all writers first. The database may be empty or freshly migrated; with --tail it is a ledger that
has lost its last events. If it is stopped, the same command goes on where it was; until it has ended,
the ledger is a mirror that nobody works on.
${KAFKA_HELP}`;

/** `jobledger restore`. */
export function registerRestore(program: Command): void {
  const command = program
    .command('restore')
    .description('make a ledger of what its topic holds, in an empty database')
    .option('--from-kafka', 'read the topic (there is no other source)')
    .option('--tail', 'only take over what a ledger lacks at the end');
  addKafkaOptions(command)
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => restore(self.optsWithGlobals<RestoreFlags>()));
}

async function restore(flags: RestoreFlags): Promise<void> {
  if (flags.fromKafka !== true) throw badInput('--from-kafka: expected, there is no other source');
  const kafka = kafkaOptions(flags);
  const screen = new Screen(process.stderr);
  const { restoreLedger } = await import('../index.js');
  const begun = performance.now();
  const restored = await restoreLedger({
    ...ledgerOptions(flags),
    ...{ kafka, tail: flags.tail, onProgress: (progress) => screen.progress(told(progress)) },
  }).finally(() => screen.endProgress());
  const seconds = (performance.now() - begun) / 1_000;
  if (restored.repair.verification?.verified !== true) process.exitCode = EXIT.no;
  if (flags.json === true) return printJson({ ...restored, seconds });
  for (const line of restored.repair.left) await print(oneLine(`left as it is: ${line}`));
  return print(summary(restored, seconds));
}

function told({ events, of, eventsPerSecond, secondsLeft }: RestoreProgress) {
  const note =
    eventsPerSecond === null
      ? ''
      : `${grouped(Math.round(eventsPerSecond))} events/s, ${duration((secondsLeft ?? 0) * 1_000)} left`;
  return { done: events, total: of, unit: 'events', note };
}

function summary({ ledgerId, taken, events, repair }: Restored, seconds: number): string {
  const differences = repair.verification?.differences.length ?? 0;
  const proof = differences === 0 ? 'verified' : `differs: ${count(differences, 'difference')}`;
  return `ledger ${ledgerId}: ${count(taken, 'event')} taken from the topic in ${duration(seconds * 1_000)}, it has ${grouped(events)}; ${proof}`;
}
