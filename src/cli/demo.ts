import type { Command } from 'commander';
import { badInput } from './parse.js';
import type { StoreFlags } from './store-flags.js';

/** `jobledger demo`. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description("audit this project's installed packages on two workers, kill one, look at it all")
    .action(async (_, command: Command) => {
      const { data, database, json = false } = command.optsWithGlobals<StoreFlags>();
      if (database !== undefined) {
        throw badInput(
          '--database: expected none, the demo runs on an embedded one (--data FOLDER)',
        );
      }
      // Loaded only here: no other command should pay for it.
      const { runDemo } = await import('../demo/demo.js');
      process.exitCode = await runDemo({ json, dataFolder: data });
    });
}
