import type { Command } from 'commander';
import type { Json } from '../index.js';
import { namingFlags } from './flag-names.js';
import { integer } from './parse.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { table } from './text.js';

/** `jobledger projections show`. */
export function registerProjectionsShow(group: Command): void {
  group
    .command('show <name>')
    .description('rows that readers of a read model see now')
    .option('--limit <number>', 'at most so many (default: 20)', integer('--limit'))
    .action(async (name: string, _, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags & { readonly limit?: number }>();
      const { limit } = flags;
      const rows = await withLedger(flags, (ledger) =>
        ledger
          .projections()
          .rows(name, { limit })
          .catch((error: unknown) => {
            throw namingFlags(error, { limit: '--limit' });
          }),
      );
      if (flags.json === true) return printJson(rows);
      if (rows.length === 0) return print('no rows');
      const header = Object.keys(rows[0]!);
      return print(
        table(
          header,
          rows.map((row) => header.map((column) => cell(row[column]))),
        ),
      );
    });
}

function cell(value: Json | undefined): string | number {
  if (value === null || value === undefined) return '';
  return typeof value === 'number' || typeof value === 'string' ? value : JSON.stringify(value);
}
