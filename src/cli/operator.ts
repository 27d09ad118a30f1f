import { userInfo } from 'node:os';
import type { Command } from 'commander';
import type { LedgerError } from '../errors.js';
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
 * at all changes nothing. A job that refuses, or whose kind refuses the payload after others took it,
 * does not keep the others from it.
 */
export async function operateOnEach(
  flags: OperatorFlags,
  ids: readonly string[],
  operate: (ledger: Ledger, id: string) => Promise<Job>,
  options: LedgerOptions = {},
): Promise<void> {
  const json = flags.json === true;
  const each = async (ledger: Ledger): Promise<void> => {
    if (ids.length > 1) for (const id of ids) await ledger.get(id).catch(throwUnlessNo);
    let changed = false;
    for (const id of ids) {
      try {
        await answer(await operate(ledger, id), json);
        changed = true;
      } catch (error) {
        const told = namingFlags(error, FLAGS);
        if (!changed || exitCodeOf(told) !== EXIT.badInput) throwUnlessNo(told);
        await answerNo(id, told as LedgerError, json);
      }
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

function throwUnlessNo(error: unknown): void {
  if (exitCodeOf(error) !== EXIT.no) throw error;
}

async function answerNo(id: string, error: LedgerError, json: boolean): Promise<void> {
  const { code, message } = error;
  if (json) await printJson({ id, error: { code, message } });
  else warn(message);
  process.exitCode = process.exitCode === EXIT.badInput ? EXIT.badInput : exitCodeOf(error);
}

async function answer(job: Job, json: boolean): Promise<void> {
  if (json) return printJson(job);
  const asked = job.state === 'running' && job.cancelRequested !== undefined;
  const due = 'runAt' in job ? `, due ${job.runAt}` : '';
  const state = asked ? 'running, cancel requested' : `${job.state}${due}`;
  return print(`${job.id}  ${job.shortId ?? 'inbox'}  ${bold(state)}`);
}
