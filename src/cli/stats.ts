import type { Command } from 'commander';
import { duration } from '../human.js';
import type { PastStats, StateName, Stats } from '../index.js';
import { addAsOf, instantOf, instantText, type AsOfFlag } from './as-of.js';
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
  const command = program
    .command('stats')
    .description('count jobs by queue, kind and state, in one snapshot, or as they were');
  addAsOf(command).action(async (_, self: Command) => {
    const flags = self.optsWithGlobals<StoreFlags & AsOfFlag>();
    await withLedger(flags, async (ledger) => {
      const asOf = await instantOf(ledger, flags);
      if (asOf === undefined) return answer(flags, await ledger.stats(), describe);
      return answer(flags, await ledger.stats({ asOf }), describePast);
    });
  });
}

async function answer<S>(
  { json }: StoreFlags,
  stats: S,
  text: (stats: S) => string,
): Promise<void> {
  await (json === true ? printJson(stats) : print(text(stats)));
}

function describePast(stats: PastStats): string {
  const told = `${count(stats.enqueued, 'job')} enqueued, ${count(stats.events, 'event')}`;
  return `${countsTable(stats)}\n\n${told}, as of ${instantText(stats.at)}`;
}

function countsTable({ byQueue, states }: Pick<Stats, 'byQueue' | 'states'>): string {
  const rows = byQueue.map((one) => [one.queue, one.kind, ...COLUMNS.map((state) => one[state])]);
  const total = ['all', '', ...COLUMNS.map((state) => states[state])];
  return table(['queue', 'kind', ...COLUMNS], [...rows, total], grouped);
}

function describe(stats: Stats): string {
  const { inbox, oldestAvailableMs: oldest } = stats;
  const lines = [
    countsTable(stats),
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
