import type { Command } from 'commander';
import type { ParkedJob } from '../index.js';
import { EXIT } from './exit-codes.js';
import { loadProjections } from './load-projections.js';
import { print, printJson } from './print.js';
import { addProjectionsOption, type ProjectionsFlags } from './projections-option.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, table, time } from './text.js';

/** `jobledger projections parked` and `jobledger projections unpark`. */
export function registerProjectionsParked(group: Command): void {
  group
    .command('parked [name]')
    .description('jobs that read models leave out, since an event could not be folded')
    .action(async (name: string | undefined, _, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags>();
      const parked = await withLedger(flags, (ledger) => ledger.projections().parked(name));
      if (flags.json === true) return printJson(parked);
      return print(parked.length === 0 ? 'no job is parked' : listed(parked));
    });
  const unpark = group
    .command('unpark <name> [job]')
    .description('fold parked jobs again, from the event on that failed');
  addProjectionsOption(unpark).action(
    async (name: string, job: string | undefined, _, self: Command) => {
      const flags = self.optsWithGlobals<ProjectionsFlags>();
      const projections = await loadProjections(flags.projections);
      const answer = await withLedger(flags, (ledger) =>
        ledger.projections({ projections }).unpark(name, job),
      );
      if (answer.parked.length > 0) process.exitCode = EXIT.no;
      if (flags.json === true) return printJson(answer);
      await print(`unparked ${count(answer.unparked, 'job')} of ${name}`);
      if (answer.parked.length > 0) await print(`parked again:\n${listed(answer.parked)}`);
    },
  );
}

function listed(parked: readonly ParkedJob[]): string {
  const rows = parked.map((one) => [
    ...[`${one.name} ${one.version}`, one.jobId, `${one.partition}/${one.position}`],
    ...[one.eventType, time(one.parkedAt), one.error],
  ]);
  return table(['read model', 'job', 'event', 'type', 'since (UTC)', 'error'], rows);
}
