import type { Command } from 'commander';
import { duration } from '../human.js';
import type { ProjectionStatus } from '../index.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, grouped, pairs, table } from './text.js';

/** `jobledger projections list` and `jobledger projections status`. */
export function registerProjectionsStatus(group: Command): void {
  group
    .command('list')
    .description('every version of every read model, and how far each has come')
    .action(async (_, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags>();
      const all = await withLedger(flags, (ledger) => ledger.projections().status());
      if (flags.json === true) return printJson(all);
      return print(all.length === 0 ? NONE : listed(all));
    });
  group
    .command('status [name]')
    .description('how each read model stands, or one: lag, parked jobs, what keeps it')
    .action(async (name: string | undefined, _, self: Command) => {
      const flags = self.optsWithGlobals<StoreFlags>();
      const all = await withLedger(flags, (ledger) => ledger.projections().status(name));
      if (flags.json === true) return printJson(all);
      return print(all.length === 0 ? NONE : all.map(describeStatus).join('\n\n'));
    });
}

const NONE = "no read models yet; 'jobledger project' makes and follows them";

function listed(all: readonly ProjectionStatus[]): string {
  const header = ['name', 'version', 'state', 'events', 'behind', 'parked', 'view'];
  const rows = all.map((one) => [
    ...[one.name, one.version, one.paused ? `${one.state}, paused` : one.state],
    ...[one.events, one.lagEvents, one.parked, one.state === 'live' ? one.view : one.table],
  ]);
  return table(header, rows, grouped);
}

/** One build in some lines. */
export function describeStatus(one: ProjectionStatus): string {
  const behind = `${count(one.lagEvents, 'event')} behind, ${duration(one.lagSeconds * 1_000)}`;
  return pairs([
    [`${one.name} ${one.version}`, one.held ? `${one.state}, rolled back from` : one.state],
    ['folded', `${grouped(one.events)} of ${count(one.of, 'event')}`],
    ['lag', one.lagEvents === 0 ? 'none' : behind],
    ['followed', one.paused ? 'no: paused' : one.followed ? 'yes' : 'no: no projector has it'],
    ['parked', one.parked === 0 ? undefined : count(one.parked, 'job')],
    ['trouble', one.trouble ?? undefined],
    ['view', one.state === 'live' ? one.view : undefined],
    ['table', one.table],
  ]);
}
