import type { Command } from 'commander';
import { operateOnEach, operatorCommand, type OperatorFlags } from './operator.js';

/** `jobledger cancel`. */
export function registerCancel(program: Command): void {
  operatorCommand(
    program,
    'cancel',
    'cancel jobs: waiting ones at once, running ones through their signal',
  ).action(async (ids: string[], _, command: Command) => {
    const flags = command.optsWithGlobals<OperatorFlags>();
    await operateOnEach(flags, ids, (ledger, id) => ledger.cancel(id, flags));
  });
}
