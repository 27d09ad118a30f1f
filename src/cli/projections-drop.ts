import type { Command } from 'commander';
import { badInput, integer } from './parse.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';

type DropFlags = StoreFlags & { readonly all?: boolean };

/** `jobledger projections drop`. */
export function registerProjectionsDrop(group: Command): void {
  group
    .command('drop <name> [version]')
    .description('drop the table of a version that is not served, or the whole read model')
    .option('--all', 'the whole read model, its view included')
    .action(async (name: string, text: string | undefined, _, self: Command) => {
      const flags = self.optsWithGlobals<DropFlags>();
      const version = text === undefined ? undefined : integer('version')(text);
      if ((version === undefined) !== (flags.all === true))
        throw badInput('version, --all: expected one of them');
      await withLedger(flags, (ledger) => ledger.projections().drop(name, version));
      if (flags.json === true) return printJson({ name, version: version ?? null, dropped: true });
      return print(`dropped ${name}${version === undefined ? '' : ` ${version}`}`);
    });
}
