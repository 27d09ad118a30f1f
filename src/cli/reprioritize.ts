import type { Command } from 'commander';
import { operateOnEach, operatorCommand, type OperatorFlags } from './operator.js';
import { integer } from './parse.js';

/** `jobledger reprioritize`. */
export function registerReprioritize(program: Command): void {
  operatorCommand(program, 'reprioritize', 'give waiting jobs another priority; lower runs first')
    .requiredOption('--to <priority>', '-32768 to 32767', integer('--to'))
    .action(async (ids: string[], _, command: Command) => {
      const flags = command.optsWithGlobals<OperatorFlags & { readonly to: number }>();
      const by = { actor: flags.actor, reason: flags.reason, priority: flags.to };
      await operateOnEach(flags, ids, (ledger, id) => ledger.reprioritize(id, by));
    });
}
