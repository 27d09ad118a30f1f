import type { Command } from 'commander';
import { loadProjections } from './load-projections.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { addWorkerOptions, work, type WorkFlags } from './work.js';

const HELP = `
Example:
  $ jobledger up --jobs jobs.mjs

What 'jobledger work' and 'jobledger project' do, in one process.`;

/** `jobledger up`. */
export function registerUp(program: Command): void {
  const command = program
    .command('up')
    .description('run jobs and keep the read models up to date, in one process');
  addWorkerOptions(addProjectionsOption(command))
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => {
      const flags = self.optsWithGlobals<WorkFlags & ProjectionsFlags>();
      await work(flags, await loadProjections(flags.projections));
    });
}
