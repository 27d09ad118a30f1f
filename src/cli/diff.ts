import type { Command } from 'commander';
import type { AsOf, LedgerDiff, StateName } from '../index.js';
import { instantText, pastTime } from './as-of.js';
import { namingFlags } from './flag-names.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { bold, grouped, shorten, table } from './text.js';

type DiffFlags = StoreFlags & {
  readonly from: AsOf;
  readonly to?: AsOf;
  readonly queue?: string;
  readonly kind?: string;
};

const FLAG_NAMES = { from: '--from', to: '--to', queue: '--queue', kind: '--kind' } as const;

/** `jobledger diff`. */
export function registerDiff(program: Command): void {
  program
    .command('diff')
    .description('tell what changed between two times')
    .requiredOption(
      '--from <time>',
      'ISO 8601 with a zone, or so long ago: 10m',
      pastTime('--from'),
    )
    .option('--to <time>', 'likewise (default: now)', pastTime('--to'))
    .option('--queue <name>', 'only of this queue')
    .option('--kind <name>', 'only of this kind')
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<DiffFlags>();
      const { from, to, queue, kind } = flags;
      await withLedger(flags, async (ledger) => {
        const diff = await ledger.diff({ from, to, queue, kind }).catch((error: unknown) => {
          throw namingFlags(error, FLAG_NAMES);
        });
        await (flags.json === true ? printJson(diff) : print(describe(diff)));
      });
    });
}

function describe(diff: LedgerDiff): string {
  const parts = [
    `from ${instantText(diff.from)}\nto   ${instantText(diff.to)}`,
    statesText(diff),
    eventsText(diff),
    movesText(diff),
    failuresText(diff),
  ];
  return parts.filter((part) => part !== '').join('\n\n');
}

function statesText({ before, after }: LedgerDiff): string {
  const states = Object.keys(after) as StateName[];
  const row = (state: StateName) => [
    state,
    before[state],
    after[state],
    signed(after[state] - before[state]),
  ];
  return table(['state', 'before', 'after', 'change'], states.map(row), grouped);
}

function signed(change: number): string {
  return change > 0 ? `+${grouped(change)}` : grouped(change);
}

function eventsText({ events }: LedgerDiff): string {
  const rows = Object.entries(events);
  return rows.length === 0 ? 'no events' : table(['event', 'between'], rows, grouped);
}

function movesText({ moves }: LedgerDiff): string {
  if (moves.length === 0) return '';
  const rows = moves.map(({ from, to, jobs, sample }) => [from ?? 'not there', to, jobs, sample]);
  return table(['from', 'to', 'jobs', 'one of them'], rows, grouped);
}

function failuresText({ failures }: LedgerDiff): string {
  if (failures.length === 0) return '';
  const rows = failures.map(({ jobs, category, sample, message }) => [
    ...[jobs, category ?? '', sample],
    shorten(message ?? '', 120),
  ]);
  const head = bold('failed since, by error');
  return `${head}\n${table(['jobs', 'category', 'one of them', 'error'], rows, grouped)}`;
}
