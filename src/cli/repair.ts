import { createInterface } from 'node:readline/promises';
import { Argument, type Command } from 'commander';
import type { Repair, RepairChange } from '../index.js';
import { EXIT } from './exit-codes.js';
import { badInput } from './parse.js';
import { print, printJson, warn } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, oneLine, table } from './text.js';

type RepairFlags = StoreFlags & { readonly dryRun?: boolean; readonly yes?: boolean };

/** `jobledger repair`. */
export function registerRepair(program: Command): void {
  program
    .command('repair')
    .description('make the dispatch tables of a stopped ledger what the log says')
    .addArgument(new Argument('<what>', 'what to repair').choices(['dispatch']))
    .option('--dry-run', 'only show what would be changed')
    .option('--yes', 'change it without asking')
    .action(async (_what, _flags, command: Command) => {
      const flags = command.optsWithGlobals<RepairFlags>();
      if (flags.dryRun === true && flags.yes === true)
        throw badInput('--dry-run, --yes: expected one of them, not both');
      await withLedger(flags, async (ledger) => {
        const json = flags.json === true;
        if (flags.yes !== true) {
          const plan = await ledger.repairDispatch({ dryRun: true });
          await tell(plan, json);
          if (plan.changes === 0) return setExit(plan);
          if (flags.dryRun === true || json || !(await isAgreed(plan))) {
            process.exitCode = EXIT.no;
            return undefined;
          }
        }
        const done = await ledger.repairDispatch();
        await tell(done, json);
        return setExit(done);
      });
    });
}

/** The plan is made again under the locks: what is agreed to is the repair, not this list of rows. */
async function isAgreed(plan: Repair): Promise<boolean> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) {
    warn('nothing was changed: --yes makes these changes');
    return false;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stdout });
  const answer = await terminal.question(`Make ${count(plan.changes, 'change')}? [y/N] `);
  terminal.close();
  return /^y(es)?$/i.test(answer.trim());
}

function setExit({ left, verification }: Repair): void {
  const isWhole = verification === null ? left.length === 0 : verification.verified;
  if (!isWhole) process.exitCode = EXIT.no;
}

async function tell(repair: Repair, json: boolean): Promise<void> {
  if (json) return printJson(repair);
  if (repair.changes > 0) {
    await print(counts(repair));
    for (const change of repair.samples.slice(0, SHOWN)) await print(describe(change));
    const more = repair.changes - Math.min(SHOWN, repair.samples.length);
    if (more > 0) await print(`… and ${count(more, 'more', 'more')}`);
  }
  for (const line of repair.left) await print(oneLine(`left as it is: ${line}`));
  return print(summary(repair));
}

/** Samples shown; `--json` has up to 1,000. */
const SHOWN = 20;

function counts({ dryRun, tables }: Repair): string {
  const rows = Object.entries(tables)
    .filter(([, { add, change, remove }]) => add + change + remove > 0)
    .map(([name, { add, change, remove }]) => [name, add, change, remove]);
  const header = dryRun ? ['to add', 'to change', 'to remove'] : ['added', 'changed', 'removed'];
  return table(['table', ...header], rows);
}

function describe({ table: name, action, partition, jobId, text }: RepairChange): string {
  const place = partition === null ? name : `${name}, partition ${partition}`;
  return oneLine(`${action} ${place}${jobId === null ? '' : `, job ${jobId}`}: ${text}`);
}

function summary({ dryRun, changes, verification }: Repair): string {
  if (dryRun) return changes === 0 ? 'nothing to repair' : `${count(changes, 'change')} to make`;
  const differences = verification?.differences.length ?? 0;
  const proof = differences === 0 ? 'verified' : `differs: ${count(differences, 'difference')}`;
  return `${count(changes, 'change')} made; ${proof}`;
}
