import type { Command } from 'commander';
import { duration } from '../human.js';
import { LedgerError } from '../errors.js';
import type { Ledger, RecordedEvent, WorkerInfo } from '../index.js';
import { describeEvent, workersIn } from './describe-event.js';
import { print, printJson } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { bold, dim, oneLine } from './text.js';

/** `jobledger history`. */
export function registerHistory(program: Command): void {
  program
    .command('history')
    .description('tell everything that ever happened to a job')
    .argument('<id>', 'id or short id (3/1042)')
    .action(async (id: string, _, command: Command) => {
      const flags = command.optsWithGlobals<StoreFlags>();
      await withLedger(flags, async (ledger) => {
        const events = await ledger.history(id);
        if (events.length === 0) await sayWhyEmpty(ledger, id);
        if (flags.json === true) return printJson(events);
        const workers = await workersOf(ledger, events);
        return print(timeline(events, workers));
      });
    });
}

/** A job that waits in the inbox exists, but nothing is in the ledger yet. */
async function sayWhyEmpty(ledger: Ledger, id: string): Promise<void> {
  const job = await ledger.get(id);
  const why = job === undefined ? 'not found' : 'still in the inbox, no events yet';
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
