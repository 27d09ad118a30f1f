import type { Command } from 'commander';
import { actOnMany, bulkCommand, isBulk, type BulkFlags } from './bulk.js';
import { loadJobs } from './load-jobs.js';
import { operateOnEach, type OperatorFlags } from './operator.js';
import { badInput, integer } from './parse.js';
import { readValue } from './payload.js';

type RetryFlags = BulkFlags &
  OperatorFlags & {
    readonly attempts?: number;
    readonly payload?: string;
    readonly jobs?: string;
  };

/** `jobledger retry`. */
export function registerRetry(program: Command): void {
  bulkCommand(program, 'retry', 'let failed jobs run again; attempts go on counting')
    .option('--attempts <number>', 'attempts to grant (default: 1)', integer('--attempts'))
    .option('--payload <json>', 'a whole new payload: JSON, @FILE, or - for stdin')
    .option('--jobs <file>', 'module of job definitions, to check the payload against')
    .action(async (ids: string[], _, command: Command) => {
      const flags = command.optsWithGlobals<RetryFlags>();
      if (isBulk('retry', ids, flags)) {
        if (flags.payload !== undefined) throw badInput('--payload: expected with ids only');
        return actOnMany('retry', flags, flags.attempts);
      }
      const { actor, reason, attempts: extraAttempts } = flags;
      const payload =
        flags.payload === undefined ? undefined : await readValue('payload', flags.payload);
      const by = { actor, reason, extraAttempts, payload };
      const jobs = flags.jobs === undefined ? undefined : (await loadJobs(flags.jobs)).contracts;
      await operateOnEach(flags, ids, (ledger, id) => ledger.retry(id, by), { jobs });
    });
}
