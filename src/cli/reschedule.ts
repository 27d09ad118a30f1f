import type { Command } from 'commander';
import { operateOnEach, operatorCommand, type OperatorFlags } from './operator.js';
import { badInput, durationMs } from './parse.js';

type RescheduleFlags = OperatorFlags & { readonly at?: string; readonly delay?: number };

/** `jobledger reschedule`. */
export function registerReschedule(program: Command): void {
  operatorCommand(program, 'reschedule', 'make scheduled and retrying jobs due at another time')
    .option('--at <time>', 'ISO 8601 with a zone, like 2026-01-31T08:00:00Z')
    .option(
      '--delay <duration>',
      "from now by this machine's clock: 0, 30s, 5m, 2h",
      durationMs('--delay'),
    )
    .action(async (ids: string[], _, command: Command) => {
      const flags = command.optsWithGlobals<RescheduleFlags>();
      const by = { actor: flags.actor, reason: flags.reason, runAt: runAtOf(flags) };
      await operateOnEach(flags, ids, (ledger, id) => ledger.reschedule(id, by));
    });
}

function runAtOf({ at, delay }: RescheduleFlags): string | Date {
  if (at !== undefined && delay === undefined) return at;
  if (delay !== undefined && at === undefined) {
    const due = new Date(Date.now() + delay);
    if (!Number.isNaN(due.getTime())) return due;
    throw badInput('--delay: expected a duration that ends within the years of the calendar');
  }
  throw badInput('--at, --delay: expected one of them');
}
