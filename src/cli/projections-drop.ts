import type { Command } from 'commander';
import { integer } from './parse.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';

/** `jobledger projections drop`. */
export function registerProjectionsDrop(group: Command): void {
  group
    .command('drop <name> <version>')
    .description('drop the table of a version that is not served')
    .action(async (name: string, text: string, _, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags>();
      const version = integer('version')(text);
      await withLedger(flags, (ledger) => ledger.projections().drop(name, version));
      if (flags.json === true) return printJson({ name, version, dropped: true });
      return print(`dropped ${name} ${version}`);
    });
}
