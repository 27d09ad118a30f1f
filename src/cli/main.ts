#!/usr/bin/env node
/**
 * The `jobledger` command: one file per subcommand, on top of the public API alone. It promises
 * answers on stdout, logs and errors on stderr, one line per error, and the exit codes of
 * `exit-codes.ts`. It never holds a rule of its own: whatever the library refuses is refused here in
 * the library's words.
 */
import { Command, CommanderError } from 'commander';
import { LedgerError } from '../errors.js';
import { VERSION } from '../version.js';
import { registerCancel } from './cancel.js';
import { registerCheck } from './check.js';
import { registerDemo } from './demo.js';
import { registerDiff } from './diff.js';
import { registerDiscard } from './discard.js';
import { registerEnqueue } from './enqueue.js';
import { registerEpoch } from './epoch.js';
import { EXIT_CODES_HELP, exitCodeOf } from './exit-codes.js';
import { registerGet } from './get.js';
import { registerHistory } from './history.js';
import { registerList } from './list.js';
import { registerMigrate } from './migrate.js';
import { registerMirror } from './mirror.js';
import { badInput } from './parse.js';
import { flushed, guardStreams, printJson, warn } from './print.js';
import { registerProject } from './project.js';
import { registerProjections } from './projections.js';
import { registerRelay } from './relay.js';
import { registerRepair } from './repair.js';
import { registerReprioritize } from './reprioritize.js';
import { registerReschedule } from './reschedule.js';
import { registerRestore } from './restore.js';
import { registerRetry } from './retry.js';
import { registerStats } from './stats.js';
import { addStoreFlags } from './store-flags.js';
import { oneLine } from './text.js';
import { registerTrace } from './trace.js';
import { registerUp } from './up.js';
import { registerVerify } from './verify.js';
import { registerWork } from './work.js';

guardStreams();
const root = program();
try {
  await root.parseAsync(process.argv);
} catch (error) {
  process.exitCode = await report(error);
}
await flushed();
// A module of job definitions may hold connections that would keep an answered command alive.
process.exit();

function program(): Command {
  const all = new Command('jobledger')
    .description('Jobs whose every transition is kept in an event log in Postgres.')
    .version(VERSION, '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand(false)
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .configureHelp({ showGlobalOptions: true })
    .addHelpText('after', EXIT_CODES_HELP);
  addStoreFlags(all);
  all.commandsGroup('Start here:');
  for (const register of [registerDemo, registerCheck, registerMigrate]) register(all);
  all.commandsGroup('Run jobs:');
  for (const register of [registerUp, registerWork, registerEnqueue]) register(all);
  all.commandsGroup('Look:');
  for (const register of [registerGet, registerHistory, registerTrace]) register(all);
  registerList(all);
  for (const register of [registerStats, registerDiff, registerVerify]) register(all);
  all.commandsGroup('Read models:');
  for (const register of [registerProject, registerProjections]) register(all);
  all.commandsGroup('Kafka:');
  for (const register of [registerRelay, registerMirror]) register(all);
  for (const register of [registerRestore, registerEpoch]) register(all);
  all.commandsGroup('Step in:');
  for (const register of [registerRetry, registerCancel, registerDiscard]) register(all);
  for (const register of [registerReschedule, registerReprioritize]) register(all);
  registerRepair(all);
  return all;
}

/** Tells the error, in one line on stderr and with --json as an answer too; gives its exit code. */
async function report(error: unknown): Promise<number> {
  if (error instanceof CommanderError && error.exitCode === 0) return 0;
  const told = asLedgerError(error);
  // Called without a command, commander has printed the help.
  if (!(error instanceof CommanderError && error.code === 'commander.help')) {
    if (told.code === 'INTERNAL') process.stderr.write(`jobledger: ${internalText(error)}\n`);
    else warn(told.message);
  }
  // Read by hand: what commander refuses, it has not parsed.
  if (process.argv.includes('--json')) {
    await printJson({ error: { code: told.code, message: told.message } });
  }
  return exitCodeOf(told);
}

function asLedgerError(error: unknown): LedgerError {
  if (error instanceof LedgerError) return error;
  if (error instanceof CommanderError) {
    const isHelp = error.code === 'commander.help';
    return badInput(isHelp ? "expected a command; see 'jobledger --help'" : usageText(error));
  }
  return new LedgerError('INTERNAL', error instanceof Error ? error.message : String(error));
}

function internalText(error: unknown): string {
  if (error instanceof LedgerError) return error.message;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `internal error: ${text}`;
}

function usageText(error: CommanderError): string {
  const command = root.commands.map((one) => one.name()).find((name) => process.argv[2] === name);
  const help = ['jobledger', command, '--help'].filter((word) => word !== undefined).join(' ');
  return `${oneLine(error.message.replace(/^error: /, '')).replace(/\.$/, '')}; see '${help}'`;
}
