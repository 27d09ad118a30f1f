import type { Command } from 'commander';
import { loadProjections } from './load-projections.js';
import { badInput } from './parse.js';
import type { StoreFlags } from './store-flags.js';

/** `jobledger demo`. */
export function registerDemo(program: Command): void {
  program
    .command('demo')
    .description("audit this project's installed packages on two workers, kill one, look at it all")
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<StoreFlags>();
      for (const flag of ['database', 'schema', 'pooler'] as const) {
        if (flags[flag] === undefined) continue;
        const why = 'the demo runs on an embedded database of its own (--data FOLDER)';
        throw badInput(`--${flag}: expected none, ${why}`);
      }
      // Loaded only here: no other command should pay for it.
      const { runDemo } = await import('../demo/demo.js');
      const projections = await loadProjections();
      process.exitCode = await runDemo({
        ...{ json: flags.json === true, dataFolder: flags.data, projections },
      });
    });
}
