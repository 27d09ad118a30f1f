import type { Command } from 'commander';
import { loadJobs } from './load-jobs.js';
import { operateOnEach, operatorCommand, type OperatorFlags } from './operator.js';
import { integer } from './parse.js';
import { readValue } from './payload.js';

type RetryFlags = OperatorFlags & {
  readonly attempts?: number;
  readonly payload?: string;
  readonly jobs?: string;
};

/** `jobledger retry`. */
export function registerRetry(program: Command): void {
  operatorCommand(program, 'retry', 'let failed jobs run again; attempts go on counting')
    .option('--attempts <number>', 'attempts to grant (default: 1)', integer('--attempts'))
    .option('--payload <json>', 'a whole new payload: JSON, @FILE, or - for stdin')
    .option('--jobs <file>', 'module of job definitions, to check the payload against')
    .action(async (ids: string[], _, command: Command) => {
      const flags = command.optsWithGlobals<RetryFlags>();
      const { actor, reason, attempts: extraAttempts } = flags;
      const payload =
        flags.payload === undefined ? undefined : await readValue('payload', flags.payload);
      const by = { actor, reason, extraAttempts, payload };
      const jobs = flags.jobs === undefined ? undefined : (await loadJobs(flags.jobs)).contracts;
      await operateOnEach(flags, ids, (ledger, id) => ledger.retry(id, by), { jobs });
    });
}
