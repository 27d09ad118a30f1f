import type { Command } from 'commander';
import type { Difference } from '../index.js';
import { EXIT } from './exit-codes.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, oneLine } from './text.js';

/** `jobledger verify`. */
export function registerVerify(program: Command): void {
  program
    .command('verify')
    .description('prove that positions are dense and that the dispatch tables equal the log')
    .action(async (_, command: Command) => {
      const flags = command.optsWithGlobals<StoreFlags>();
      await withLedger(flags, async (ledger) => {
        const answer = await ledger.verify();
        if (!answer.verified) process.exitCode = EXIT.no;
        if (flags.json === true) return printJson(answer);
        for (const difference of answer.differences) await print(describe(difference));
        for (const note of answer.notes) await print(`note: ${oneLine(note)}`);
        const seen = `${count(answer.events, 'event')} of ${count(answer.jobs, 'job')}`;
        return print(
          answer.verified
            ? `verified: ${seen}; positions are dense, the dispatch tables equal the log`
            : `differs: ${count(answer.differences.length, 'difference')} in ${seen}`,
        );
      });
    });
}

function describe({ where, partition, jobId, text }: Difference): string {
  const place = partition === null ? where : `${where}, partition ${partition}`;
  return oneLine(`${place}${jobId === null ? '' : `, job ${jobId}`}: ${text}`);
}
