import type { Command } from 'commander';
import { LedgerError } from '../errors.js';
import type { Ledger, RecordedEvent } from '../index.js';
import { jobTrace, timeOf, type JobTrace } from '../trace/job-trace.js';
import { exportMany, exportOne, type Exported } from './export-traces.js';
import { addFilterFlags, FILTER_FLAG_NAMES, filterOf, type FilterFlags } from './filter-flags.js';
import { namingFlags } from './flag-names.js';
import { badInput } from './parse.js';
import { print, printJson, warn } from './print.js';
import { withLedger, type StoreFlags } from './store-flags.js';
import { count } from './text.js';
import { traceJson } from './trace-json.js';
import { waterfall } from './waterfall.js';

type TraceFlags = StoreFlags & FilterFlags & { readonly export?: boolean; readonly all?: boolean };

const HELP = `
Examples:
  $ jobledger trace 3/1042
  $ jobledger trace --export --kind email.send --enqueued-after 2h

The spans are made from the ledger alone, with the ids and times that were recorded, and go to where the
OTEL_EXPORTER_OTLP_* variables say (default: http://localhost:4318). Sent twice, they are the same spans.`;

/** `jobledger trace`. */
export function registerTrace(program: Command): void {
  const command = program
    .command('trace')
    .description("show where a job's time went, or send its spans")
    .argument('[id]', 'id or short id (3/1042); without it, flags say which jobs to export')
    .option('--export', 'send the spans over OTLP instead of showing them')
    .option('--all', 'with --export: every job');
  addFilterFlags(command)
    .addHelpText('after', HELP)
    .action(async (id: string | undefined, _, self: Command) =>
      trace(id, self.optsWithGlobals<TraceFlags>()),
    );
}

async function trace(id: string | undefined, flags: TraceFlags): Promise<void> {
  const filter = filterOf(flags);
  const isMany = filter !== undefined || flags.all === true;
  if (id !== undefined && isMany)
    throw badInput('id: expected an id, or flags that say which jobs, not both');
  if (isMany && flags.export !== true)
    throw badInput('id: expected one to show; flags that say which jobs go with --export');
  if (id === undefined && !isMany)
    throw badInput(
      'id: expected one, or --export and flags that say which jobs: --kind …, or --all',
    );
  await withLedger(flags, async (ledger) => {
    if (id === undefined) await sayExported(await exportAll(ledger, filter ?? {}), flags);
    else if (flags.export === true) {
      await found(ledger, id);
      await sayExported(await exportOne(ledger, id), flags);
    } else await show(ledger, id, flags);
  });
}

async function exportAll(
  ledger: Ledger,
  filter: Parameters<typeof exportMany>[1],
): Promise<Exported> {
  try {
    return await exportMany(ledger, filter);
  } catch (error) {
    throw namingFlags(error, { ...FILTER_FLAG_NAMES, payload: '--payload-field' });
  }
}

async function sayExported(exported: Exported, { json }: StoreFlags): Promise<void> {
  if (json === true) return printJson(exported);
  const { jobs, spans, traces, skipped } = exported;
  if (skipped > 0) warn(`${count(skipped, 'job')} without readable events left out`);
  const said = [count(spans, 'span'), count(jobs, 'job'), count(traces, 'trace')];
  await print(`sent ${said[0]} of ${said[1]} in ${said[2]}`);
}

async function show(ledger: Ledger, id: string, { json }: StoreFlags): Promise<void> {
  const events = await found(ledger, id);
  const job = readable(id, events);
  const now = timeOf(await ledger.instant({ agoMs: 0 }));
  const state = (await ledger.get(id))?.state;
  if (json === true) return printJson(traceJson(job, state, now));
  await print(waterfall(job, { state, now, columns: process.stdout.columns || 80 }));
}

async function found(ledger: Ledger, id: string): Promise<readonly RecordedEvent[]> {
  const events = await ledger.history(id);
  if (events.length > 0) return events;
  const waits = (await ledger.get(id)) !== undefined;
  const why = waits ? 'still in the inbox, no events yet' : 'not found';
  throw new LedgerError('JOB_NOT_FOUND', `job ${id}: ${why}`);
}

function readable(id: string, events: readonly RecordedEvent[]): JobTrace {
  const job = jobTrace(events);
  if (job !== undefined) return job;
  throw new LedgerError('ILLEGAL_STATE', `job ${id}: this program cannot read its first event`);
}
