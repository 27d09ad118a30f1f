import type { Command } from 'commander';
import type { KafkaOptions } from '../index.js';
import { findKafkaOptions, type KafkaFlags } from './kafka-flags.js';
import { loadProjections } from './load-projections.js';
import { badInput } from './parse.js';
import { warn } from './print.js';

/** `jobledger demo`. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description("audit this project's installed packages on two workers, kill one, look at it all")
    .option(
      '--brokers <addresses>',
      'publish to Kafka, host:port apart by commas; else KAFKA_BROKERS',
    )
    .option('--kafka', 'publish to a Kafka broker that the demo starts, with Maven and Java 17')
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<DemoFlags>();
      for (const flag of ['database', 'schema', 'pooler'] as const) {
        if (flags[flag] === undefined) continue;
        const why = 'the demo runs on an embedded database of its own (--data FOLDER)';
        throw badInput(`--${flag}: expected none, ${why}`);
      }
      // Loaded only here: no other command should pay for it.
      const { runDemo } = await import('../demo/demo.js');
      const projections = await loadProjections();
      const options = { json: flags.json === true, dataFolder: flags.data, projections };
      process.exitCode = await withKafka(flags, (kafka) => runDemo({ ...options, kafka }));
    });
}

type DemoFlags = KafkaFlags & { readonly kafka?: boolean };

/** With the brokers that are named, with one of its own, or without. */
async function withKafka<T>(
  flags: DemoFlags,
  use: (kafka: KafkaOptions | undefined) => Promise<T>,
): Promise<T> {
  if (flags.kafka !== true) return use(findKafkaOptions(flags));
  if (flags.brokers !== undefined)
    throw badInput('--kafka: expected none with --brokers: it starts a broker of its own');
  const { startBroker } = await import('../kafka-broker/start-broker.js');
  const broker = await startBroker({ log: warn });
  try {
    return await use({ brokers: [broker.brokers] });
  } finally {
    await broker.stop();
  }
}
