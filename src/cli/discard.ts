import type { Command } from 'commander';
import { operateOnEach, operatorCommand, type OperatorFlags } from './operator.js';

/** `jobledger discard`. */
export function registerDiscard(program: Command): void {
  operatorCommand(
    program,
    'discard',
    'close waiting or failed jobs for good; their history stays',
  ).action(async (ids: string[], _, command: Command) => {
    const flags = command.optsWithGlobals<OperatorFlags>();
    await operateOnEach(flags, ids, (ledger, id) => ledger.discard(id, flags));
  });
}
