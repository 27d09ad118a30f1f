import type { Command } from 'commander';
import { addKafkaOptions, findKafkaOptions, KAFKA_HELP, type KafkaFlags } from './kafka-flags.js';
import { loadProjections } from './load-projections.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { addWorkerOptions, work, type WorkFlags } from './work.js';

const HELP = `
Example:
  $ jobledger up --jobs jobs.mjs

What 'jobledger work' and 'jobledger project' do, in one process, and with brokers given what
'jobledger relay' does.
${KAFKA_HELP}`;

/** `jobledger up`. */
export function registerUp(program: Command): void {
  const command = program
    .command('up')
    .description('run jobs, keep the read models up to date, publish to Kafka; in one process');
  addWorkerOptions(addKafkaOptions(addProjectionsOption(command)))
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => {
      const flags = self.optsWithGlobals<WorkFlags & ProjectionsFlags & KafkaFlags>();
      const kafka = findKafkaOptions(flags);
      await work(flags, { projections: await loadProjections(flags.projections), kafka });
    });
}
