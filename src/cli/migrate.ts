import type { Command } from 'commander';
import { namingFlags } from './flag-names.js';
import { integer } from './parse.js';
import { print, printJson } from './print.js';
import { ledgerOptions, type StoreFlags } from './store-flags.js';
import { count } from './text.js';

/** `jobledger migrate`. */
export function registerMigrate(program: Command): void {
  program
    .command('migrate')
    .description("make or update the ledger's tables; safe to repeat and to run side by side")
    .option(
      '--partitions <number>',
      'of a new ledger, for ever (default: 16)',
      integer('--partitions'),
    )
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<StoreFlags & { readonly partitions?: number }>();
      const { partitions } = flags;
      const { migrateDatabase } = await import('../index.js');
      const applied = await migrateDatabase({ ...ledgerOptions(flags), partitions }).catch(
        (error: unknown) => {
          throw namingFlags(error, { partitions: '--partitions' });
        },
      );
      if (flags.json === true) return printJson({ applied });
      if (applied.length === 0) return print('up to date: nothing to do');
      return print(`migrated, ${count(applied.length, 'step')}: ${applied.join(', ')}`);
    });
}
