import type { Command } from 'commander';
import type { ListedJob, StateName } from '../index.js';
import { namingFlags } from './flag-names.js';
import { badInput, integer } from './parse.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count, shorten, table, time } from './text.js';
import { isWaiting, warnUnattended } from './unattended.js';

const STATES = {
  available: 'waiting for a worker',
  scheduled: 'due later',
  running: 'being worked on',
  retrying: 'waiting for the next attempt',
  succeeded: 'done, newest first',
  failed: 'given up, newest first',
  canceled: 'canceled, newest first',
  discarded: 'discarded, newest first',
} as const satisfies { readonly [S in StateName]: string };

type ListFlags = StoreFlags & { readonly [S in StateName]?: boolean } & {
  readonly kind?: string;
  readonly queue?: string;
  readonly limit?: number;
};

/** `jobledger list`. */
export function registerList(program: Command): void {
  const command = program.command('list').description('list jobs, all or of one state');
  for (const [state, text] of Object.entries(STATES)) command.option(`--${state}`, text);
  command
    .option('--kind <name>')
    .option('--queue <name>')
    .option('--limit <number>', '1 to 100 (default: 25)', integer('--limit'))
    .action(async (_, self: Command) => list(self.optsWithGlobals<ListFlags>()));
}

async function list(flags: ListFlags): Promise<void> {
  const state = stateOf(flags);
  const { kind, queue, limit } = flags;
  await withLedger(flags, async (ledger) => {
    const jobs = await ledger.list({ state, kind, queue, limit }).catch((error: unknown) => {
      throw namingFlags(error, FLAGS);
    });
    if (flags.json === true) return printJson(jobs);
    await print(
      jobs.length === 0 ? `no ${state === undefined ? '' : `${state} `}jobs` : rows(jobs),
    );
    if (jobs.some(isWaiting)) await warnUnattended(ledger, { kind, queue });
  });
}

const FLAGS = { kind: '--kind', queue: '--queue', limit: '--limit' };

function stateOf(flags: ListFlags): StateName | undefined {
  const given = (Object.keys(STATES) as StateName[]).filter((state) => flags[state] === true);
  if (given.length <= 1) return given[0];
  throw badInput(
    `${given.map((state) => `--${state}`).join(', ')}: expected one of them, not ${count(given.length, 'state')}`,
  );
}

function rows(jobs: readonly ListedJob[]): string {
  const notes = jobs.map(noteOf);
  const due = jobs.some((job) => job.runAt !== null);
  const header = ['id', 'short', 'state', 'kind', 'queue', 'priority', 'attempt', 'created (UTC)'];
  return table(
    [
      ...header,
      ...(due ? ['due (UTC)'] : []),
      ...(notes.some((note) => note !== '') ? ['note'] : []),
    ],
    jobs.map((job, index) => [
      job.id,
      job.shortId ?? 'inbox',
      job.state,
      job.kind,
      job.queue,
      job.priority,
      `${job.attempt}/${job.maxAttempts}`,
      time(job.createdAt),
      ...(due ? [time(job.runAt)] : []),
      notes[index] ?? '',
    ]),
  );
}

function noteOf(job: ListedJob): string {
  if (job.setAside !== undefined) return `set aside: ${job.setAside}`;
  if (job.note !== undefined) return job.note;
  const error = [job.category, job.message].filter((part) => part !== undefined).join(': ');
  if (job.failedAt === undefined) return shorten(error, 120);
  return shorten(`${time(job.failedAt)} ${job.decision ?? ''}  ${error}`, 120);
}
