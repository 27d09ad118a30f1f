import { createInterface } from 'node:readline/promises';
import type { Command } from 'commander';
import type {
  BulkAction,
  BulkOptions,
  BulkPreview,
  BulkResult,
  Ledger,
  StateName,
} from '../index.js';
import { EXIT } from './exit-codes.js';
import { addFilterFlags, FILTER_FLAG_NAMES, filterOf, type FilterFlags } from './filter-flags.js';
import { namingFlags } from './flag-names.js';
import { jobTable } from './job-table.js';
import { osUser, type OperatorFlags } from './operator.js';
import { badInput, integer } from './parse.js';
import { print, printJson, warn } from './print.js';
import { withLedger } from './store-flags.js';
import { count, table } from './text.js';

/** Flags of a command that takes ids, or else says which jobs are meant. */
export type BulkFlags = Partial<OperatorFlags> &
  FilterFlags & {
    readonly all?: boolean;
    readonly dryRun?: boolean;
    readonly yes?: boolean;
    readonly batch?: number;
    readonly cursor?: string;
  };

/** The states whose jobs each action takes. */
const STATES = {
  retry: ['failed'],
  cancel: ['available', 'scheduled', 'running', 'retrying'],
  discard: ['available', 'scheduled', 'retrying', 'failed'],
} as const satisfies { readonly [A in BulkAction]: readonly StateName[] };

const DONE = { retry: 'retried', cancel: 'canceled', discard: 'discarded' } as const;

/** A command for some jobs by their ids, or for all that fit a filter. */
export function bulkCommand(program: Command, action: BulkAction, description: string): Command {
  const command = program
    .command(action)
    .description(description)
    .argument('[id...]', 'ids or short ids (3/1042); without them, flags say which jobs')
    .option('--reason <text>', 'why; it is recorded')
    .option('--actor <name>', 'who; it is recorded', osUser())
    .option('--all', 'every job that fits, or every job at all')
    .option('--dry-run', 'only tell which jobs it would be')
    .option('--yes', 'do not ask')
    .option('--batch <number>', 'jobs at a time (default: 500)', integer('--batch'))
    .option('--cursor <text>', 'go on where an earlier run ended');
  return addFilterFlags(command, STATES[action]);
}

/** Refuses what is meant for many beside ids, and the reverse; true if many are meant. */
export function isBulk(action: BulkAction, ids: readonly string[], flags: BulkFlags): boolean {
  const { all, dryRun, yes, batch, cursor, reason } = flags;
  if (reason === undefined && dryRun !== true)
    throw badInput(
      `required option '--reason <text>' not specified; see 'jobledger ${action} --help'`,
    );
  const filter = filterOf(flags);
  if (ids.length === 0) {
    if (all === true || filter !== undefined) return true;
    throw badInput('id: expected ids, or flags that say which jobs: --kind …, or --all');
  }
  if ([filter, all, dryRun, yes, batch, cursor].every((one) => one === undefined)) return false;
  throw badInput('id: expected ids, or flags that say which jobs, not both');
}

/** Shows what it would be, asks if somebody is there to ask, and does it. */
export async function actOnMany(
  action: BulkAction,
  flags: BulkFlags,
  extraAttempts?: number,
): Promise<void> {
  const filter = filterOf(flags) ?? {};
  const canAsk = process.stdin.isTTY && process.stderr.isTTY;
  if (flags.dryRun !== true && flags.yes !== true && !canAsk)
    throw badInput('--yes: expected where nobody can be asked; --dry-run shows what it would be');
  await withLedger(flags, async (ledger) => {
    try {
      if (flags.yes !== true || flags.dryRun === true) {
        const preview = await ledger.previewBulk({ action, filter });
        await tellPreview(preview, flags);
        if (flags.dryRun === true) return;
        if (!(await isAgreed(`${action} ${count(preview.matched, 'job')}? [y/N] `))) return;
      }
      const { actor = '', reason = '', batch, cursor } = flags;
      const by = { actor, reason, batch, cursor, extraAttempts };
      await act(ledger, { action, filter, ...by }, flags);
    } catch (error) {
      throw namingFlags(error, FLAGS);
    }
  });
}

const FLAGS = {
  ...FILTER_FLAG_NAMES,
  actor: '--actor',
  reason: '--reason',
  extraAttempts: '--attempts',
  batch: '--batch',
  cursor: '--cursor',
};

async function act(ledger: Ledger, options: BulkOptions, { json }: BulkFlags): Promise<void> {
  const { isTTY } = process.stderr;
  const onProgress = ({ done }: BulkResult): void => {
    if (isTTY) process.stderr.write(`\r${count(done, 'job')} ${DONE[options.action]}`);
  };
  const result = await ledger.bulk({ ...options, onProgress });
  if (isTTY) process.stderr.write('\r\u001b[K');
  const { done, refused, refusals, next } = result;
  if (json === true) await printJson(result);
  else await print(`${DONE[options.action]} ${count(done, 'job')}`);
  if (json !== true) for (const { reason } of refusals) warn(reason);
  if (refused > refusals.length) warn(`… ${count(refused, 'refusal')} in all`);
  if (next !== null) warn(`ended early; the rest: the same command, or --cursor ${next}`);
  if (refused > 0) process.exitCode = EXIT.no;
}

async function tellPreview(preview: BulkPreview, { json }: BulkFlags): Promise<void> {
  if (json === true) return printJson(preview);
  const { matched, groups, samples } = preview;
  await print(count(matched, 'job'));
  if (matched === 0) return;
  const rows = groups.map((one) => [
    ...[one.queue, one.kind, one.state, one.category ?? ''],
    one.jobs,
  ]);
  await print(table(['queue', 'kind', 'state', 'category', 'jobs'], rows));
  if (samples.length > 0) await print(`for instance:\n${jobTable(samples)}`);
}

async function isAgreed(question: string): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await asking.question(question)).trim());
  } finally {
    asking.close();
  }
}
