import type { Command } from 'commander';
import { loadProjections } from './load-projections.js';
import { integer } from './parse.js';
import { print, printJson } from './print.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { withLedger } from './store-flags.js';

type RollbackFlags = ProjectionsFlags & { readonly to?: number; readonly stale?: boolean };

const HELP = `
Example:
  $ jobledger projections rollback jobs

The version is caught up first, for which its code must be in the list, or a projector that has it
at work. --stale serves it as it is.`;

/** `jobledger projections rollback`. */
export function registerProjectionsRollback(group: Command): void {
  const command = group
    .command('rollback <name>')
    .description('serve the version again that was served before')
    .option('--to <version>', 'another version, older or newer', integer('--to'))
    .option('--stale', 'serve it as it is, without catching up');
  addProjectionsOption(command)
    .addHelpText('after', HELP)
    .action(async (name: string, _, self: Command) => {
      const flags = self.optsWithGlobals<RollbackFlags>();
      const { to, stale } = flags;
      const projections = await loadProjections(flags.projections);
      const status = await withLedger(flags, (ledger) =>
        ledger.projections({ projections }).rollback(name, { to, stale }),
      );
      if (flags.json === true) return printJson(status);
      return print(`${status.view} shows ${name} ${status.version} again`);
    });
}
