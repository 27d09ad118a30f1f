import type { Command } from 'commander';
import { actOnMany, bulkCommand, isBulk, type BulkFlags } from './bulk.js';
import { operateOnEach, type OperatorFlags } from './operator.js';

/** `jobledger discard`. */
export function registerDiscard(program: Command): void {
  bulkCommand(
    program,
    'discard',
    'close waiting or failed jobs for good; their history stays',
  ).action(async (ids: string[], _, command: Command) => {
    const flags = command.optsWithGlobals<BulkFlags & OperatorFlags>();
    if (isBulk('discard', ids, flags)) return actOnMany('discard', flags);
    await operateOnEach(flags, ids, (ledger, id) => ledger.discard(id, flags));
  });
}
