import type { Command } from 'commander';
import type { EnqueueOptions, JsonObject } from '../index.js';
import { enqueueAtomically, enqueueLines, printEnqueued } from './enqueue-lines.js';
import { namingFlags } from './flag-names.js';
import { loadJobs } from './load-jobs.js';
import { osUser } from './operator.js';
import { badInput, durationMs, integer, jsonObject, oneOf } from './parse.js';
import { readValue } from './payload.js';
import { withLedger, type StoreFlags } from './store-flags.js';

type EnqueueFlags = StoreFlags &
  Omit<EnqueueOptions, 'unique' | 'timeout' | 'transaction' | 'metadata' | 'retry'> & {
    readonly payload?: string;
    readonly timeout?: number | 'none';
    readonly ndjson?: boolean;
    readonly atomic?: boolean;
    readonly jobs?: string;
    readonly uniqueKey?: string;
    readonly uniqueScope?: 'active' | 'forever';
    readonly uniqueWithin?: number;
    readonly onConflict?: 'return' | 'reject';
    readonly metadata?: JsonObject;
    readonly retry?: EnqueueOptions['retry'];
  };

const HELP = `
Examples:
  $ jobledger enqueue email.send --payload '{"to":"ada@example.org"}' --delay 5m
  $ jobledger enqueue report.build --payload @report.json --unique-key 2026-01
  $ jobledger enqueue --ndjson < jobs.ndjson
      each line {"kind": …, "payload": …, …options}, answered by one line in order; options are the
      library's (delay and timeout in milliseconds), flags stand in for what a line leaves out

Without --jobs the command does not know what a kind says about itself (queue, maxAttempts, retry,
timeout): the library's defaults apply, unless a flag says otherwise.`;

/** `jobledger enqueue`. */
export function registerEnqueue(program: Command): void {
  const command = program
    .command('enqueue')
    .description('enqueue one job, or many from stdin')
    .argument('[kind]', "the job's kind")
    .option('--payload <json>', 'JSON, @FILE, or - for stdin')
    .option('--ndjson', 'read many jobs from stdin, one JSON object a line')
    .option('--atomic', 'with --ndjson: all in one transaction, or none')
    .option('--jobs <file>', 'module of job definitions: their defaults, and payloads checked');
  addJobOptions(command)
    .addHelpText('after', HELP)
    .action(async (kind: string | undefined, _, self: Command) => {
      await enqueue(kind, self.optsWithGlobals<EnqueueFlags>());
    });
}

function addJobOptions(command: Command): Command {
  return command
    .option('--id <uuid>', 'an id of your own: enqueueing it again makes no second job')
    .option('--queue <name>')
    .option('--priority <number>', 'lower runs first', integer('--priority'))
    .option(
      '--delay <duration>',
      'due after 30s, 5m, 2h; no unit: milliseconds',
      durationMs('--delay'),
    )
    .option('--run-at <time>', 'due at a time, ISO 8601 with a zone')
    .option('--max-attempts <number>', '1 means no retry', integer('--max-attempts'))
    .option('--timeout <duration>', 'for each attempt, or none', timeoutMs)
    .option('--retry <json>', 'retry policy, as the library takes it', jsonObject('--retry'))
    .option('--unique-key <key>', 'no second job with this key, kind and tenant …')
    .option(
      '--unique-scope <scope>',
      '… while it is active, or forever',
      oneOf('--unique-scope', ['active', 'forever']),
    )
    .option('--unique-within <duration>', '… for a time', durationMs('--unique-within'))
    .option(
      '--on-conflict <what>',
      'return the job that has the key, or reject',
      oneOf('--on-conflict', ['return', 'reject']),
    )
    .option('--tenant <name>')
    .option('--principal <name>')
    .option('--correlation-id <id>')
    .option('--causation-id <id>')
    .option('--metadata <json>', 'a JSON object', jsonObject('--metadata'))
    .option('--actor <name>', 'who enqueues; it is recorded', osUser());
}

/** Commander would make blank text of a null. The library's `null` for no limit is `none` here. */
function timeoutMs(text: string): number | 'none' {
  if (text === 'none') return text;
  const ms = durationMs('--timeout')(text);
  if (ms > 0) return ms;
  throw badInput(`--timeout: expected a duration from 1ms, or none, got ${JSON.stringify(text)}`);
}

async function enqueue(kind: string | undefined, flags: EnqueueFlags): Promise<void> {
  checkTogether(kind, flags);
  const options = optionsOf(flags);
  const asJson = flags.json === true;
  const payload = flags.payload === undefined ? null : await readValue('payload', flags.payload);
  const jobs = flags.jobs === undefined ? undefined : (await loadJobs(flags.jobs)).contracts;
  await withLedger(
    flags,
    async (ledger) => {
      if (kind !== undefined) {
        const answer = await ledger.enqueue(kind, payload, options).catch((error: unknown) => {
          throw namingFlags(error, FLAGS);
        });
        return printEnqueued(answer, asJson);
      }
      const enqueueAll = flags.atomic === true ? enqueueAtomically : enqueueLines;
      return enqueueAll(ledger, process.stdin, { defaults: options, json: asJson });
    },
    { jobs },
  );
}

const FLAGS = {
  id: '--id',
  queue: '--queue',
  priority: '--priority',
  delay: '--delay',
  runAt: '--run-at',
  maxAttempts: '--max-attempts',
  timeout: '--timeout',
  retry: '--retry',
  tenant: '--tenant',
  principal: '--principal',
  correlationId: '--correlation-id',
  causationId: '--causation-id',
  metadata: '--metadata',
  actor: '--actor',
};

function checkTogether(kind: string | undefined, flags: EnqueueFlags): void {
  const { ndjson = false, atomic = false, payload, id } = flags;
  const given = Object.entries({ kind, '--payload': payload, '--id': id }).find(
    ([, v]) => v !== undefined,
  );
  if (ndjson && given !== undefined) {
    throw badInput(`${given[0]}: expected none with --ndjson; each line has its own`);
  }
  if (ndjson) return;
  if (atomic) throw badInput('--atomic: expected only with --ndjson');
  if (kind === undefined) throw badInput("kind: expected a job's kind, or --ndjson");
  if (payload === undefined) throw badInput('--payload: expected JSON, @FILE, or - for stdin');
}

function optionsOf(flags: EnqueueFlags): EnqueueOptions {
  const { uniqueKey: key, uniqueScope, uniqueWithin, onConflict } = flags;
  if (key === undefined && (uniqueScope ?? uniqueWithin ?? onConflict) !== undefined) {
    throw badInput(
      '--unique-key: expected one with --unique-scope, --unique-within or --on-conflict',
    );
  }
  if (uniqueScope !== undefined && uniqueWithin !== undefined) {
    throw badInput('--unique-scope, --unique-within: expected one of them, not both');
  }
  const scope = uniqueWithin === undefined ? uniqueScope : { within: uniqueWithin };
  const all: EnqueueOptions = {
    ...pick(flags),
    unique: key === undefined ? undefined : { key, scope, onConflict },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
}

function pick(flags: EnqueueFlags): EnqueueOptions {
  const { id, queue, priority, delay, runAt, maxAttempts, retry } = flags;
  const timeout = flags.timeout === 'none' ? null : flags.timeout;
  const { tenant, principal, correlationId, causationId, metadata, actor } = flags;
  const given = {
    ...{ id, queue, priority, delay, runAt, maxAttempts, timeout, retry },
    ...{ tenant, principal, correlationId, causationId, metadata, actor },
  };
  // Of a time and a delay the library refuses the pair.
  return given as EnqueueOptions;
}
