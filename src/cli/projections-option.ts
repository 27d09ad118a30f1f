import type { Command } from 'commander';
import type { StoreFlags } from './store-flags.js';

export type ProjectionsFlags = StoreFlags & { readonly projections?: string };

/** Which read models, for the commands that need their code. */
export function addProjectionsOption(command: Command): Command {
  return command.option(
    '--projections <file>',
    'module that exports your read models (default: those of the package)',
  );
}
