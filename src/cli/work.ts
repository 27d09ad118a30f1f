import type { Command } from 'commander';
import { isLedgerError, LedgerError } from '../errors.js';
import type { WorkerOptions } from '../index.js';
import { workerSettings } from '../worker/options.js';
import { cliLog } from './cli-log.js';
import { loadRunnableJobs } from './load-jobs.js';
import { durationMs, integer, names } from './parse.js';
import { runWorker, type Beside } from './run-worker.js';
import { StopSignals } from './stop-signals.js';
import { ledgerOptions, logLevel, openWith, type StoreFlags } from './store-flags.js';
import { startTelemetry } from './telemetry.js';

export type WorkFlags = StoreFlags & {
  readonly jobs: string;
  readonly queues?: readonly string[];
  readonly concurrency?: number;
  readonly fetchAhead?: number;
  readonly poll?: number;
  readonly heartbeat?: number;
  readonly lease?: number;
  readonly grace?: number;
  readonly abort?: number;
  readonly cancelGrace?: number;
  readonly stallLimit?: number;
  readonly failUnknownKinds?: boolean;
  readonly maintenance: boolean;
};

const HELP = `
Example:
  $ jobledger work --jobs jobs.mjs --concurrency 20

Durations are like 500ms, 30s, 5m or 2h; a number without a unit means milliseconds.
Ctrl-C or SIGTERM stops it: no new jobs, running ones may end within the grace, the rest is given
back. A second signal exits at once.`;

/** `jobledger work`. */
export function registerWork(program: Command): void {
  addWorkerOptions(program.command('work').description('run jobs until stopped'))
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => work(self.optsWithGlobals<WorkFlags>()));
}

/** The options of a worker, for the commands that run one. */
export function addWorkerOptions(command: Command): Command {
  return command
    .requiredOption(
      '--jobs <file>',
      'module that exports job definitions (.mjs, .js, .ts if Node can)',
    )
    .option(
      '--queues <names>',
      "apart by commas (default: those of the jobs' kinds, and default)",
      names('--queues'),
    )
    .option('--concurrency <number>', 'handlers at a time (default: 10)', integer('--concurrency'))
    .option(
      '--fetch-ahead <number>',
      'most jobs claimed before a handler is free (default: 1000)',
      integer('--fetch-ahead'),
    )
    .option('--poll <duration>', 'time between looks for work (default: 1s)', durationMs('--poll'))
    .option(
      '--heartbeat <duration>',
      'time between signs of life (default: 5s)',
      durationMs('--heartbeat'),
    )
    .option(
      '--lease <duration>',
      'silence after which this worker counts as dead (default: 15s)',
      durationMs('--lease'),
    )
    .option(
      '--grace <duration>',
      'time that running jobs have at a stop (default: 25s)',
      durationMs('--grace'),
    )
    .option(
      '--abort <duration>',
      'their signals abort so long before the grace ends (default: 5s)',
      durationMs('--abort'),
    )
    .option(
      '--cancel-grace <duration>',
      'time that canceled handlers have to return (default: 30s)',
      durationMs('--cancel-grace'),
    )
    .option(
      '--stall-limit <duration>',
      'time that the event loop may stand still (default: 5m)',
      durationMs('--stall-limit'),
    )
    .option('--fail-unknown-kinds', 'also claim kinds without a handler here, and fail them')
    .option('--no-maintenance', 'leave promoting, moving and reaping to other workers');
}

/** Runs a worker, and what is to run beside it, until stopped. */
export async function work(flags: WorkFlags, beside: Beside = {}): Promise<void> {
  const signals = new StopSignals();
  const telemetry = await startTelemetry();
  const jobs = await loadRunnableJobs(flags.jobs);
  const log = cliLog({ json: flags.json === true, level: logLevel('info') });
  const options = workerOptions(flags, jobs);
  check(options);
  const ledger = await openWith({ ...ledgerOptions(flags), logger: log });
  const tools = { signals, log, json: flags.json === true };
  const code = await runWorker(ledger, options, tools, beside).catch(async (error: unknown) => {
    await telemetry.stop();
    throw namingFlags(error);
  });
  await telemetry.stop();
  // A handler that ignores its signal would keep a finished process alive.
  process.exit(code);
}

/** Before anything is opened: in an empty folder that would make a database. */
function check(options: WorkerOptions): void {
  try {
    workerSettings(options);
  } catch (error) {
    throw namingFlags(error);
  }
}

const FLAGS: Readonly<Record<string, string>> = {
  concurrency: '--concurrency',
  fetchAhead: '--fetch-ahead',
  pollIntervalMs: '--poll',
  heartbeatMs: '--heartbeat',
  leaseMs: '--lease',
  shutdownGraceMs: '--grace',
  shutdownAbortMs: '--abort',
  cancelGraceMs: '--cancel-grace',
  stallLimitMs: '--stall-limit',
};

/** The library's refusal of options in the command's words. */
function namingFlags(error: unknown): unknown {
  if (!isLedgerError(error, 'BAD_CONFIG')) return error;
  const { code, cause } = error;
  const text = error.message.replace(/\b\w+\b/g, (word) => FLAGS[word] ?? word);
  const unit = /Ms\b/.test(error.message) ? ' (durations in milliseconds)' : '';
  return new LedgerError(code, `${text}${unit}`, { cause });
}

function workerOptions(flags: WorkFlags, jobs: WorkerOptions['jobs']): WorkerOptions {
  const { queues, concurrency, fetchAhead, failUnknownKinds, maintenance } = flags;
  return {
    ...{ jobs, queues, concurrency, fetchAhead, failUnknownKinds, maintenance },
    pollIntervalMs: flags.poll,
    heartbeatMs: flags.heartbeat,
    leaseMs: flags.lease,
    shutdownGraceMs: flags.grace,
    shutdownAbortMs: flags.abort,
    cancelGraceMs: flags.cancelGrace,
    stallLimitMs: flags.stallLimit,
  };
}
