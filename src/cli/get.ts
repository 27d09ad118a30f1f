import type { Command } from 'commander';
import { duration, percent } from '../human.js';
import { LedgerError } from '../errors.js';
import type { Job, Ledger } from '../index.js';
import { addAsOf, instantOf, sayInstant, type AsOfFlag } from './as-of.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { pairs, shorten, time } from './text.js';
import { isWaiting, warnUnattended } from './unattended.js';

/** `jobledger get`. */
export function registerGet(program: Command): void {
  const command = program
    .command('get')
    .description('show a job as it is now, or was')
    .argument('<id>', 'id or short id (3/1042)');
  addAsOf(command).action(async (id: string, _, self: Command) => {
    const flags = self.optsWithGlobals<StoreFlags & AsOfFlag>();
    await withLedger(flags, async (ledger) => {
      const asOf = await instantOf(ledger, flags);
      const job = await existing(ledger, id, asOf);
      if (flags.json === true) return printJson(asOf === undefined ? job : { ...job, asOf });
      await sayInstant(asOf);
      await print(describe(job));
      if (asOf === undefined && isWaiting(job)) await warnUnattended(ledger, job);
    });
  });
}

async function existing(ledger: Ledger, id: string, asOf: string | undefined): Promise<Job> {
  const job = await ledger.get(id, { asOf });
  const then = asOf === undefined ? '' : ` as of ${asOf}`;
  if (job === undefined) throw new LedgerError('JOB_NOT_FOUND', `job ${id}: not found${then}`);
  return job;
}

function describe(job: Job): string {
  const { previousError: error, meta } = job;
  return pairs([
    ['job', `${job.id}  ${job.shortId ?? '(in the inbox)'}`],
    ['kind', job.kind],
    ['queue', job.queue],
    ['state', stateText(job)],
    ['attempts', `${job.counted} of ${job.maxAttempts}${uncounted(job)}`],
    ['priority', String(job.priority)],
    ['timeout', job.timeoutMs === null ? 'none' : duration(job.timeoutMs)],
    ['created', `${time(job.createdAt)} UTC${meta.actor === undefined ? '' : ` by ${meta.actor}`}`],
    ['updated', `${time(job.updatedAt)} UTC, version ${job.version}`],
    ['tenant', meta.tenant],
    ['principal', meta.principal],
    ['correlation', meta.correlationId],
    ['caused by', meta.causationId],
    ['unique key', job.unique?.key],
    ['metadata', job.metadata === undefined ? undefined : brief(job.metadata)],
    ['payload', brief(job.payload)],
    ['result', resultText(job)],
    [
      'last error',
      error === undefined
        ? undefined
        : `${error.name} (${error.category}): ${shorten(error.message, 400)}`,
    ],
  ]);
}

function stateText(job: Job): string {
  switch (job.state) {
    case 'available':
      return 'available';
    case 'scheduled':
    case 'retrying':
      return `${job.state}, due ${time(job.runAt)} UTC`;
    case 'running': {
      const asked = job.cancelRequested === undefined ? '' : ', cancel requested';
      const note = job.progress?.note === undefined ? '' : ` (${job.progress.note})`;
      const progress =
        job.progress === undefined ? '' : `, ${percent(job.progress.fraction)}${note}`;
      return `running since ${time(job.startedAt)} UTC on worker ${job.worker}${progress}${asked}`;
    }
    case 'succeeded':
      return `succeeded at ${time(job.finishedAt)} UTC`;
    case 'failed':
      return `failed at ${time(job.finishedAt)} UTC: ${job.decision.reason}`;
    case 'canceled':
    case 'discarded':
      return `${job.state} at ${time(job.finishedAt)} UTC: ${job.reason}`;
    default: {
      const unknown: never = job;
      return (unknown as Job).state;
    }
  }
}

function uncounted(job: Job): string {
  return job.attempt === job.counted ? '' : `, ${job.attempt} begun`;
}

function resultText(job: Job): string | undefined {
  if (job.state !== 'succeeded') return undefined;
  if (job.resultOmitted !== undefined) return `left out: ${job.resultOmitted}`;
  return job.result === undefined ? undefined : brief(job.result);
}

function brief(value: unknown): string {
  return shorten(JSON.stringify(value), 400);
}
