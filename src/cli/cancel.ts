import type { Command } from 'commander';
import { actOnMany, bulkCommand, isBulk, type BulkFlags } from './bulk.js';
import { operateOnEach, type OperatorFlags } from './operator.js';

/** `jobledger cancel`. */
export function registerCancel(program: Command): void {
  bulkCommand(
    program,
    'cancel',
    'cancel jobs: waiting ones at once, running ones through their signal',
  ).action(async (ids: string[], _, command: Command) => {
    const flags = command.optsWithGlobals<BulkFlags & OperatorFlags>();
    if (isBulk('cancel', ids, flags)) return actOnMany('cancel', flags);
    await operateOnEach(flags, ids, (ledger, id) => ledger.cancel(id, flags));
  });
}
