import type { Command } from 'commander';
import { duration } from '../human.js';
import type { StateName, Stats } from '../index.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, grouped, table, time } from './text.js';

/** Columns in the order of a job's life. */
const COLUMNS = [
  'scheduled',
  'available',
  'running',
  'retrying',
  'succeeded',
  'failed',
  'canceled',
  'discarded',
] as const satisfies readonly StateName[];

/** `jobledger stats`. */
export function registerStats(program: Command): void {
  program
    .command('stats')
    .description('count jobs by queue, kind and state, in one snapshot')
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<StoreFlags>();
      await withLedger(flags, async (ledger) => {
        const stats = await ledger.stats();
        await (flags.json === true ? printJson(stats) : print(describe(stats)));
      });
    });
}

function describe(stats: Stats): string {
  const { inbox, oldestAvailableMs: oldest } = stats;
  const rows = stats.byQueue.map((one) => [one.queue, one.kind, ...COLUMNS.map((s) => one[s])]);
  const total = ['all', '', ...COLUMNS.map((state) => stats.states[state])];
  const lines = [
    table(['queue', 'kind', ...COLUMNS], [...rows, total], grouped),
    '',
    `${count(stats.enqueued, 'job')} enqueued, ${count(stats.events, 'event')}, ${count(stats.workers, 'live worker')}, at ${time(stats.at)} UTC`,
  ];
  if (oldest !== null) lines.push(`the oldest available job has waited ${duration(oldest)}`);
  if (inbox.waiting > 0)
    lines.push(`${grouped(inbox.waiting)} in the inbox, on their way into the ledger`);
  if (inbox.setAside > 0)
    lines.push(`${grouped(inbox.setAside)} set aside in the inbox; see 'jobledger list'`);
  for (const { queue, kind, waiting } of stats.unattended) {
    lines.push(`no live worker for ${kind} in queue ${queue}: ${count(waiting, 'job')} waiting`);
  }
  return lines.join('\n');
}
