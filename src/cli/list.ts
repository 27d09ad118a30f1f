import type { Command } from 'commander';
import type { JobFilter, JobPage, Ledger, ListedJob } from '../index.js';
import { addAsOf, instantOf, sayInstant, type AsOfFlag } from './as-of.js';
import { addFilterFlags, FILTER_FLAG_NAMES, filterOf, type FilterFlags } from './filter-flags.js';
import { namingFlags } from './flag-names.js';
import { jobTable } from './job-table.js';
import { integer } from './parse.js';
import { print, printJson, warn } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, grouped } from './text.js';
import { isWaiting, warnUnattended } from './unattended.js';

type ListFlags = StoreFlags &
  AsOfFlag &
  FilterFlags & {
    readonly limit?: number;
    readonly cursor?: string;
    readonly count?: boolean;
  };

/** `jobledger list`. */
export function registerList(program: Command): void {
  const command = program.command('list').description('list jobs, all or those that are meant');
  addFilterFlags(command)
    .option('--limit <number>', '1 to 100 (default: 25)', integer('--limit'))
    .option('--cursor <text>', 'in pages: first, or the cursor of the page before')
    .option('--count', 'only how many there are');
  addAsOf(command).action(async (_, self: Command) => list(self.optsWithGlobals<ListFlags>()));
}

async function list(flags: ListFlags): Promise<void> {
  const filter = filterOf(flags) ?? {};
  await withLedger(flags, async (ledger) => {
    try {
      if (flags.count === true) await answerCount(ledger, filter, flags);
      else await answerJobs(ledger, await find(ledger, filter, flags), filter, flags);
    } catch (error) {
      throw namingFlags(error, FLAG_NAMES);
    }
  });
}

const FLAG_NAMES = {
  ...FILTER_FLAG_NAMES,
  payload: '--payload-field',
  ...{ limit: '--limit', cursor: '--cursor', asOf: '--as-of', agoMs: '--as-of' },
};

async function answerCount(ledger: Ledger, filter: JobFilter, flags: ListFlags): Promise<void> {
  const asOf = await instantOf(ledger, flags);
  const jobs = await ledger.count({ ...filter, asOf });
  if (flags.json === true) return printJson({ count: jobs, asOf });
  await sayInstant(asOf);
  await print(grouped(jobs));
}

/** What is not in pages may be in the order of the lines, which no page has. */
async function find(
  ledger: Ledger,
  filter: JobFilter,
  { limit, cursor, asOf }: ListFlags,
): Promise<JobPage | readonly ListedJob[]> {
  const { state, kind: _, queue: __, ...others } = filter;
  const isPlain = Object.keys(others).length === 0 && !Array.isArray(state);
  if (isPlain && cursor === undefined && asOf === undefined)
    return ledger.list({ ...filter, limit });
  const after = cursor === 'first' ? undefined : cursor;
  return ledger.listPage({ ...filter, limit, cursor: after, asOf });
}

async function answerJobs(
  ledger: Ledger,
  found: JobPage | readonly ListedJob[],
  { state, kind, queue }: JobFilter,
  { json, cursor }: ListFlags,
): Promise<void> {
  const page = 'jobs' in found ? found : undefined;
  const jobs = 'jobs' in found ? found.jobs : found;
  if (json !== true) await sayInstant(page?.asOf);
  if (json === true) await printJson(cursor === undefined ? jobs : page);
  else if (jobs.length > 0) await print(jobTable(jobs));
  else await print(`no ${typeof state === 'string' ? `${state} ` : ''}jobs`);
  if (page !== undefined && page.next !== null && (json !== true || cursor === undefined))
    warn(`more: --cursor ${page.next}`);
  if (json === true || page?.asOf !== undefined) return;
  if (page?.lagEvents) warn(`the read model is ${count(page.lagEvents, 'event')} behind`);
  if (jobs.some(isWaiting)) await warnUnattended(ledger, { kind, queue });
}
