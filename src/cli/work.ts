import type { Command } from 'commander';
import type { WorkerOptions } from '../index.js';
import { cliLog } from './cli-log.js';
import { loadRunnableJobs } from './load-jobs.js';
import { durationMs, integer, names } from './parse.js';
import { runWorker } from './run-worker.js';
import { StopSignals } from './stop-signals.js';
import { ledgerOptions, logLevel, openWith, type StoreFlags } from './store-flags.js';

type WorkFlags = StoreFlags & {
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

Ctrl-C or SIGTERM stops it: no new jobs, running ones may end within the grace, the rest is given
back. A second signal exits at once.`;

/** `jobledger work`. */
export function registerWork(program: Command): void {
  const command = program
    .command('work')
    .description('run jobs until stopped')
    .requiredOption(
      '--jobs <file>',
      'module that exports job definitions (.mjs, .js, .ts if Node can)',
    );
  addWorkerOptions(command)
    .addHelpText('after', HELP)
    .action(async (_, self: Command) => work(self.optsWithGlobals<WorkFlags>()));
}

function addWorkerOptions(command: Command): Command {
  return command
    .option(
      '--queues <names>',
      "apart by commas (default: those of the jobs' kinds, and default)",
      names('queues'),
    )
    .option('--concurrency <number>', 'handlers at a time (default: 10)', integer('concurrency'))
    .option(
      '--fetch-ahead <number>',
      'most jobs claimed ahead (default: 1000)',
      integer('fetchAhead'),
    )
    .option('--poll <duration>', 'between looks for work (default: 1s)', durationMs('poll'))
    .option('--heartbeat <duration>', 'default: 5s', durationMs('heartbeat'))
    .option('--lease <duration>', 'silence that means dead (default: 15s)', durationMs('lease'))
    .option('--grace <duration>', 'for running jobs at a stop (default: 25s)', durationMs('grace'))
    .option(
      '--abort <duration>',
      'signals abort so long before the grace ends (default: 5s)',
      durationMs('abort'),
    )
    .option(
      '--cancel-grace <duration>',
      'for canceled handlers (default: 30s)',
      durationMs('cancelGrace'),
    )
    .option(
      '--stall-limit <duration>',
      'for a blocked event loop (default: 5m)',
      durationMs('stallLimit'),
    )
    .option('--fail-unknown-kinds', 'also claim kinds without a handler here, and fail them')
    .option('--no-maintenance', 'leave promoting, moving and reaping to other workers');
}

async function work(flags: WorkFlags): Promise<void> {
  const signals = new StopSignals();
  const jobs = await loadRunnableJobs(flags.jobs);
  const log = cliLog({ json: flags.json === true, level: logLevel('info') });
  const ledger = await openWith({ ...ledgerOptions(flags), logger: log });
  // A handler that ignores its signal would keep a finished process alive.
  process.exit(
    await runWorker(ledger, workerOptions(flags, jobs), {
      signals,
      log,
      json: flags.json === true,
    }),
  );
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
