import type { Command } from 'commander';
import type { EpochStart, NewEpoch } from '../index.js';
import { EXIT } from './exit-codes.js';
import { addKafkaOptions, KAFKA_HELP, kafkaOptions, type KafkaFlags } from './kafka-flags.js';
import { osUser } from './operator.js';
import { print, printJson } from './print.js';
import { ledgerOptions, withLedger, type StoreFlags } from './store-flags.js';
import { count, oneLine, table, time } from './text.js';

type NewEpochFlags = KafkaFlags & { readonly actor: string; readonly reason: string };

const HELP = `
Example:
  $ jobledger epoch new --reason "failover lost 3 s" --brokers kafka-1:9092

For a ledger that lost its last events and then wrote others (TOPIC_DIVERGED). Stop all writers first.
What only the topic has at those places is left behind; consumers stop until they are reset. Where the
ledger wrote nothing else, what it lost is taken back from the topic.
${KAFKA_HELP}`;

/** `jobledger epoch` and `jobledger epoch new`. */
export function registerEpoch(program: Command): void {
  const command = program
    .command('epoch')
    .description('show where the epochs of the ledger begin')
    .action(async (_, self: Command) => show(self.optsWithGlobals<StoreFlags>()));
  const added = command
    .command('new')
    .description('leave what only the topic has, where it and the ledger have gone different ways')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--actor <name>', 'who; it is recorded', osUser());
  addKafkaOptions(added)
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => begin(self.optsWithGlobals<NewEpochFlags>()));
}

async function show(flags: StoreFlags): Promise<void> {
  const epochs = await withLedger(flags, (ledger) => ledger.epochs());
  if (flags.json === true) return printJson(epochs);
  if (epochs.length === 0) return print('epoch 1: the ledger has never left a log for another');
  return print(table(['epoch', 'partition', 'start', 'begun', 'actor', 'reason'], rows(epochs)));
}

function rows(epochs: readonly EpochStart[]) {
  return epochs.map(({ epoch, partition, start, begunAt, actor, reason }) => [
    ...[epoch, partition, start],
    ...[time(begunAt), actor, reason],
  ]);
}

async function begin(flags: NewEpochFlags): Promise<void> {
  const kafka = kafkaOptions(flags);
  const { actor, reason } = flags;
  const { beginEpoch } = await import('../index.js');
  const begun = await beginEpoch({ ...ledgerOptions(flags), kafka, actor, reason });
  if (begun.repair.verification?.verified !== true) process.exitCode = EXIT.no;
  if (flags.json === true) return printJson(begun);
  for (const line of begun.repair.left) await print(oneLine(`left as it is: ${line}`));
  const changed = begun.partitions.filter(({ left, taken }) => left + taken > 0);
  if (changed.length > 0)
    await print(
      table(
        ['partition', 'start', 'left in the topic', 'taken back'],
        changed.map(({ partition, start, left, taken }) => [partition, start, left, taken]),
      ),
    );
  return print(summary(begun));
}

function summary({ epoch, repair }: NewEpoch): string {
  const differences = repair.verification?.differences.length ?? 0;
  const proof = differences === 0 ? 'verified' : `differs: ${count(differences, 'difference')}`;
  return `epoch ${epoch} has begun; ${proof}; relays go on, consumers want a reset`;
}
