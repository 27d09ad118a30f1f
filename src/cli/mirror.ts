import type { Command } from 'commander';
import { cliLog } from './cli-log.js';
import { EXIT } from './exit-codes.js';
import { giveWay } from './give-way.js';
import { addKafkaOptions, KAFKA_HELP, kafkaOptions, type KafkaFlags } from './kafka-flags.js';
import { print, printJson } from './print.js';
import { StopSignals } from './stop-signals.js';
import { ledgerOptions, logLevel } from './store-flags.js';
import { count } from './text.js';

type MirrorFlags = KafkaFlags & { readonly promote?: boolean };

const HELP = `
Example:
  $ jobledger mirror --brokers kafka-1:9092 --database postgres://…/copy

The copy can be looked at, projected and verified like the ledger; nothing else writes to it. Ctrl-C or
SIGTERM stops it; the next start goes on from there. --promote ends it: the copy, as far as it has come,
is the ledger from then on. Stop the old one first.
${KAFKA_HELP}`;

/** `jobledger mirror`. */
export function registerMirror(program: Command): void {
  const command = program
    .command('mirror')
    .description('keep a copy of a ledger in another database, from its topic')
    .option('--promote', 'make the copy the ledger that is written to');
  addKafkaOptions(command)
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => {
      const flags = self.optsWithGlobals<MirrorFlags>();
      return flags.promote === true ? promote(flags) : mirror(flags);
    });
}

async function promote(flags: MirrorFlags): Promise<void> {
  const { promoteMirror } = await import('../index.js');
  const { verification, left, ...rest } = await promoteMirror(ledgerOptions(flags));
  if (verification?.verified !== true) process.exitCode = EXIT.no;
  if (flags.json === true) return printJson({ ...rest, left, verification });
  for (const line of left) await print(`left as it is: ${line}`);
  return print(`the copy is the ledger now: ${count(verification?.events ?? 0, 'event')}`);
}

async function mirror(flags: MirrorFlags): Promise<void> {
  const kafka = kafkaOptions(flags);
  const signals = new StopSignals();
  giveWay();
  const log = cliLog({ json: flags.json === true, level: logLevel('info') });
  const { mirrorLedger } = await import('../index.js');
  const made = await mirrorLedger({ ...ledgerOptions(flags), logger: log, kafka });
  try {
    made.start();
    await tell('started', flags);
    await Promise.race([signals.first, made.ended]);
  } finally {
    await made.stop();
  }
  await tell('stopped', flags);
}

async function tell(event: string, { topic = 'jobledger.events', json }: MirrorFlags) {
  if (json === true) return printJson({ event, pid: process.pid, topic });
  return print(`mirror ${event}: topic ${topic}`);
}
