import type { Command } from 'commander';
import { isLedgerError } from '../errors.js';
import type { Ledger, Stats } from '../index.js';
import { VERSION } from '../version.js';
import { exitCodeOf } from './exit-codes.js';
import { loadRunnableJobs } from './load-jobs.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, oneLine } from './text.js';

/** One thing that was looked at. */
interface Finding {
  readonly name: string;
  readonly ok: boolean;
  readonly text: string;
  /** Worth a look, but it may be on purpose. */
  readonly note?: true;
  /** Of the error, if there was one. */
  readonly code?: string;
}

/** `jobledger check`. */
export function registerCheck(program: Command): void {
  program
    .command('check')
    .description('look whether everything is set up, and name every problem')
    .option('--jobs <file>', 'also load this module of job definitions')
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<StoreFlags & { readonly jobs?: string }>();
      const findings = [
        { name: 'program', ok: true, text: `jobledger ${VERSION}, Node ${process.version}` },
        ...(await jobsFindings(flags.jobs)),
        ...(await storeFindings(flags)),
      ];
      if (flags.json === true) {
        return printJson({ ok: findings.every(({ ok }) => ok), findings });
      }
      for (const finding of findings) {
        const { name, text } = finding;
        await print(`${markOf(finding)}  ${name.padEnd(8)}  ${oneLine(text)}`);
      }
    });
}

function markOf({ ok, note }: Finding): string {
  if (!ok) return 'PROBLEM';
  return note === true ? 'note   ' : 'ok     ';
}

function jobsFindings(path: string | undefined): Promise<readonly Finding[]> {
  return attempt('jobs', async () => {
    if (path === undefined) return [];
    const kinds = (await loadRunnableJobs(path)).map(({ kind }) => kind);
    return [
      { name: 'jobs', ok: true, text: `${count(kinds.length, 'kind')}: ${kinds.join(', ')}` },
    ];
  });
}

function storeFindings(flags: StoreFlags): Promise<readonly Finding[]> {
  return attempt('database', () =>
    withLedger(flags, async (ledger) => [
      { name: 'database', ok: true, text: 'reached, migrated' },
      ledgerFinding(ledger),
      ...(await attempt('jobs', async () => statsFindings(await ledger.stats()))),
    ]),
  );
}

function ledgerFinding({ ledgerId, partitions }: Ledger): Finding {
  return { name: 'ledger', ok: true, text: `${ledgerId}, ${count(partitions, 'partition')}` };
}

/** A ledger without workers, and jobs that nobody will take, may be on purpose. */
function statsFindings({ inbox, unattended, workers }: Stats): readonly Finding[] {
  const live = { name: 'workers', ok: true, text: count(workers, 'live worker') };
  const waiting = unattended.map(({ kind, queue, waiting: jobs }) =>
    note('workers', `no live worker for ${kind} in queue ${queue}: ${count(jobs, 'job')} waiting`),
  );
  const setAside = note('inbox', `${count(inbox.setAside, 'row')} set aside; see 'jobledger list'`);
  return [
    workers === 0 ? note('workers', 'no live worker') : live,
    ...waiting,
    ...(inbox.setAside > 0 ? [setAside] : []),
  ];
}

function note(name: string, text: string): Finding {
  return { name, ok: true, text, note: true };
}

/** A problem becomes a finding; the first one gives the exit code. */
async function attempt(
  name: string,
  look: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await look();
  } catch (error) {
    process.exitCode ||= exitCodeOf(error);
    const code = isLedgerError(error) ? error.code : 'INTERNAL';
    return [
      { name, ok: false, text: error instanceof Error ? error.message : String(error), code },
    ];
  }
}
