import type { Command } from 'commander';
import { duration } from '../human.js';
import { LedgerError } from '../errors.js';
import type { Ledger, RecordedEvent, WorkerInfo } from '../index.js';
import { describeEvent, workersIn } from './describe-event.js';
import { addAsOf, instantOf, sayInstant, type AsOfFlag } from './as-of.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { bold, dim, oneLine } from './text.js';

/** `jobledger history`. */
export function registerHistory(program: Command): void {
  const command = program
    .command('history')
    .description('tell everything that ever happened to a job')
    .argument('<id>', 'id or short id (3/1042)');
  addAsOf(command).action(async (id: string, _, self: Command) => {
    const flags = self.optsWithGlobals<StoreFlags & AsOfFlag>();
    await withLedger(flags, async (ledger) => {
      const asOf = await instantOf(ledger, flags);
      const events = await ledger.history(id, { asOf });
      if (events.length === 0) await sayWhyEmpty(ledger, id, asOf);
      if (flags.json === true) return printJson(events);
      const workers = await workersOf(ledger, events);
      await sayInstant(asOf);
      return print(timeline(events, workers));
    });
  });
}

/** A job that waits in the inbox exists, but nothing is in the ledger yet. */
async function sayWhyEmpty(ledger: Ledger, id: string, asOf: string | undefined): Promise<void> {
  const then = asOf === undefined ? '' : ` as of ${asOf}`;
  const job = asOf === undefined ? await ledger.get(id) : undefined;
  const why = job === undefined ? `not found${then}` : 'still in the inbox, no events yet';
  throw new LedgerError('JOB_NOT_FOUND', `job ${id}: ${why}`);
}

async function workersOf(
  ledger: Ledger,
  events: readonly RecordedEvent[],
): Promise<ReadonlyMap<number, WorkerInfo>> {
  const workers = new Map<number, WorkerInfo>();
  for (const id of workersIn(events)) {
    const info = await ledger.workerInfo(id);
    if (info !== undefined) workers.set(id, info);
  }
  return workers;
}

/** One line per event: when, how long after the job was enqueued, what. */
function timeline(
  events: readonly RecordedEvent[],
  workers: ReadonlyMap<number, WorkerInfo>,
): string {
  const [first] = events;
  if (first === undefined) return '';
  const head = `${bold(first.kind)} in queue ${first.queue}  ${first.streamId}  ${first.partition}/${first.position}`;
  const widest = Math.max(...events.map(({ type }) => type.length));
  const enqueuedAt = Date.parse(first.recordedAt);
  const lines = events.map((event) => {
    const at = Date.parse(event.recordedAt);
    const since = event === first ? '' : `+${duration(Math.max(0, at - enqueuedAt))}`;
    const clock = `${event.recordedAt.slice(0, 10)} ${event.recordedAt.slice(11, 23)}`;
    const version = String(event.version).padStart(String(events.length).length);
    const text = oneLine(describeEvent(event, workers));
    return `${dim(clock)}  ${since.padStart(13)}  ${version} ${bold(event.type.padEnd(widest))}  ${text}`;
  });
  return [
    head,
    '',
    ...lines,
    '',
    dim('times are UTC; + is the time since the job was enqueued'),
  ].join('\n');
}
