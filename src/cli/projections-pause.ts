import type { Command } from 'commander';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';

/** `jobledger projections pause` and `jobledger projections resume`. */
export function registerProjectionsPause(group: Command): void {
  group
    .command('pause <name>')
    .description('let a read model stand still, in every process, until it is resumed')
    .action(async (name: string, _, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags>();
      await withLedger(flags, (ledger) => ledger.projections().pause(name));
      if (flags.json === true) return printJson({ name, paused: true });
      return print(`paused ${name}; its view stays as it is`);
    });
  group
    .command('resume <name>')
    .description('let it go on')
    .action(async (name: string, _, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags>();
      await withLedger(flags, (ledger) => ledger.projections().resume(name));
      if (flags.json === true) return printJson({ name, paused: false });
      return print(`resumed ${name}`);
    });
}
