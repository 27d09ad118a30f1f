import { setTimeout as pause } from 'node:timers/promises';
import type { Command } from 'commander';
import { duration } from '../human.js';
import type { Ledger, PublicationStatus, PublishedPartition } from '../index.js';
import { cliLog } from './cli-log.js';
import { giveWay } from './give-way.js';
import { addKafkaOptions, KAFKA_HELP, kafkaOptions, type KafkaFlags } from './kafka-flags.js';
import { print, printJson } from './print.js';
import { StopSignals } from './stop-signals.js';
import { ledgerOptions, logLevel, openWith, withLedger, type StoreFlags } from './store-flags.js';
import { count, grouped, pairs, table } from './text.js';

type RelayFlags = KafkaFlags & { readonly mayForget?: boolean };

const HELP = `
Example:
  $ jobledger relay --brokers localhost:9092

Every event of the ledger goes to the topic, in order and once. Any number of relays share the work.
Ctrl-C or SIGTERM stops it; another one, or the next start, goes on from there.
${KAFKA_HELP}`;

/** A store that does not answer must not keep the process that wants to end. */
const CLOSE_MS = 10_000;

/** `jobledger relay` and `jobledger relay status`. */
export function registerRelay(program: Command): void {
  const command = program.command('relay').description('publish the ledger to Kafka until stopped');
  addKafkaOptions(command)
    .option('--may-forget', 'also to a topic that does not keep everything for ever')
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => relay(self.optsWithGlobals<RelayFlags>()));
  command
    .command('status')
    .description('how far the ledger is published: lag, who publishes, what keeps it')
    .action(async (_, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags>();
      const all = await withLedger(flags, (ledger) => ledger.publications());
      if (flags.json === true) return printJson(all);
      return print(all.length === 0 ? NONE : all.map(describe).join('\n\n'));
    });
}

const NONE = "nothing is published yet; 'jobledger relay' does it";

async function relay(flags: RelayFlags): Promise<void> {
  const signals = new StopSignals();
  giveWay();
  const kafka = kafkaOptions(flags);
  const log = cliLog({ json: flags.json === true, level: logLevel('info') });
  const ledger = await openWith({ ...ledgerOptions(flags), logger: log });
  try {
    const made = ledger.relay({ kafka, mayForget: flags.mayForget });
    await made.start();
    await tell('started', flags);
    const signal = await signals.first;
    log.info({ signal }, 'stopping; a second signal exits at once');
    await made.stop();
    await tell('stopped', flags);
  } finally {
    await close(ledger);
  }
}

async function tell(event: string, { topic = 'jobledger.events', json }: RelayFlags) {
  if (json === true) return printJson({ event, pid: process.pid, topic });
  return print(`relay ${event}: topic ${topic}`);
}

async function close(ledger: Ledger): Promise<void> {
  await Promise.race([ledger.close(), pause(CLOSE_MS, undefined, { ref: false })]);
}

/** The whole first, then the partitions that something keeps. */
function describe(one: PublicationStatus): string {
  const behind = `${count(one.lagEvents, 'event')} behind, ${duration(one.lagSeconds * 1_000)}`;
  const whole = pairs([
    ['topic', one.topic],
    ['published', `${grouped(one.events)} of ${count(one.of, 'event')}`],
    ['lag', one.lagEvents === 0 ? 'none' : behind],
    ['relays', one.relays === 0 ? 'none: nobody publishes' : grouped(one.relays)],
    [
      'partitions',
      `${one.partitions.length}, ${one.partitions.filter(isHeld).length} of them held`,
    ],
  ]);
  const told = one.partitions.filter(({ trouble }) => trouble !== null);
  if (told.length === 0) return whole;
  const rows = told.map(({ partition, position, head, relay: by, trouble }) => {
    return [partition, position, head - position, by ?? 'none', trouble ?? ''];
  });
  return `${whole}\n\n${table(['partition', 'position', 'behind', 'relay', 'trouble'], rows, grouped)}`;
}

function isHeld({ relay: by }: PublishedPartition): boolean {
  return by !== null;
}
