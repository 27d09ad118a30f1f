import type { Command } from 'commander';
import { LedgerError } from '../errors.js';
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
    .option(
      '--consumers',
      "make the tables of a service that consumes events, in that service's database",
    )
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<MigrateFlags>();
      const applied = await (flags.consumers === true ? migrateService(flags) : migrate(flags));
      if (flags.json === true) return printJson({ applied });
      if (applied.length === 0) return print('up to date: nothing to do');
      return print(`migrated, ${count(applied.length, 'step')}: ${applied.join(', ')}`);
    });
}

type MigrateFlags = StoreFlags & { readonly partitions?: number; readonly consumers?: boolean };

async function migrate(flags: MigrateFlags): Promise<readonly string[]> {
  const { partitions } = flags;
  const { migrateDatabase } = await import('../index.js');
  return migrateDatabase({ ...ledgerOptions(flags), partitions }).catch((error: unknown) => {
    throw namingFlags(error, { partitions: '--partitions' });
  });
}

/** Only what is said of the schema is the service's: the ledger's own default is none for it. */
async function migrateService(flags: MigrateFlags): Promise<readonly string[]> {
  const { database, schema } = ledgerOptions(flags);
  if (database === undefined)
    throw new LedgerError('BAD_INPUT', "--database: expected the service's own database");
  const { migrateConsumerTables } = await import('../index.js');
  return migrateConsumerTables({ database, ...(schema !== undefined && { schema }) });
}
