import { userInfo } from 'node:os';
import type { Command } from 'commander';
import { isLedgerError } from '../errors.js';
import type { Actor, Job, Ledger, LedgerOptions } from '../index.js';
import { EXIT, exitCodeOf } from './exit-codes.js';
import { namingFlags } from './flag-names.js';
import { print, printJson, warn } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { bold } from './text.js';

/** Options of every command that changes jobs. */
export type OperatorFlags = StoreFlags & Actor;

/** A command that takes ids, a reason and an actor. */
export function operatorCommand(program: Command, name: string, description: string): Command {
  return program
    .command(name)
    .description(description)
    .argument('<id...>', 'ids or short ids (3/1042)')
    .requiredOption('--reason <text>', 'why; it is recorded')
    .option('--actor <name>', 'who; it is recorded', osUser());
}

/**
 * Does something to each job and answers a line for each. All ids are read first: one that is no id
 * at all changes nothing. A job that refuses does not keep the others from it.
 */
export async function operateOnEach(
  flags: OperatorFlags,
  ids: readonly string[],
  operate: (ledger: Ledger, id: string) => Promise<Job>,
  options: LedgerOptions = {},
): Promise<void> {
  const json = flags.json === true;
  const each = async (ledger: Ledger): Promise<void> => {
    if (ids.length > 1) for (const id of ids) await ledger.get(id);
    for (const id of ids) {
      await operate(ledger, id).then(
        (job) => answer(job, json),
        (error: unknown) => answerNo(id, namingFlags(error, FLAGS), json),
      );
    }
  };
  await withLedger(flags, each, options);
}

const FLAGS = {
  actor: '--actor',
  reason: '--reason',
  extraAttempts: '--attempts',
  runAt: '--at',
  priority: '--to',
};

/** The user of the operating system; one without a name goes by number. */
export function osUser(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

async function answerNo(id: string, error: unknown, json: boolean): Promise<void> {
  if (!isLedgerError(error) || exitCodeOf(error) !== EXIT.no) throw error;
  const { code, message } = error;
  if (json) await printJson({ id, error: { code, message } });
  else warn(message);
  process.exitCode = EXIT.no;
}

async function answer(job: Job, json: boolean): Promise<void> {
  if (json) return printJson(job);
  const asked = job.state === 'running' && job.cancelRequested !== undefined;
  const due = 'runAt' in job ? `, due ${job.runAt}` : '';
  const state = asked ? 'running, cancel requested' : `${job.state}${due}`;
  return print(`${job.id}  ${job.shortId ?? 'inbox'}  ${bold(state)}`);
}
