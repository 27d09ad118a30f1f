import type { ConsumeFrom, ConsumerOptions } from '../api-consumer.js';
import { LedgerError } from '../errors.js';
import { toInstant } from '../job/instant.js';
import { integerProblem, maxAttemptsProblem, MAX_TIMEOUT_MS, shown } from '../job/limits.js';
import { nameProblem } from '../job/names.js';
import { booleanProblem, unknownOptions } from '../job/option-problems.js';
import { retryProblems } from '../job/retry-problems.js';
import { schemaProblem } from '../ledger/tables.js';
import { logProblem } from '../log.js';

const OPTIONS = {
  group: true,
  handler: true,
  from: true,
  database: true,
  schema: true,
  migrate: true,
  kafka: true,
  ledger: true,
  ledgerSchema: true,
  source: true,
  types: true,
  kinds: true,
  queues: true,
  maxAttempts: true,
  backoff: true,
  timeoutMs: true,
  concurrency: true,
  logger: true,
} as const satisfies { readonly [K in keyof ConsumerOptions]-?: true };

/** Checks what `consumeEvents` takes; all faults are told at once. Throws `BAD_CONFIG`. */
export function checkConsumerOptions(options: ConsumerOptions): void {
  if (typeof options !== 'object' || options === null)
    throw new LedgerError('BAD_CONFIG', `options: expected an object, got ${shown(options)}`);
  const { schema, ledgerSchema, migrate, logger, maxAttempts, backoff } = options;
  const problems = [
    ...unknownOptions(options, OPTIONS, 'consumeEvents'),
    nameProblem('group', options.group),
    typeof options.handler === 'function'
      ? undefined
      : `handler: expected a function, got ${shown(options.handler)}`,
    options.database === undefined ? 'database: expected the database of this service' : undefined,
    fromProblem('from', options.from ?? 'start'),
    schema === undefined ? undefined : schemaProblem(schema),
    ledgerSchema === undefined ? undefined : prefixed('ledgerSchema', schemaProblem(ledgerSchema)),
    booleanProblem('migrate', migrate),
    ...sourceProblems(options),
    ...['types', 'kinds', 'queues'].map((name) =>
      listProblem(name, options[name as 'types' | 'kinds' | 'queues']),
    ),
    maxAttempts === undefined ? undefined : maxAttemptsProblem('maxAttempts', maxAttempts),
    ...retryProblems(backoff, { field: 'backoff' }),
    numberProblem('timeoutMs', options.timeoutMs, MAX_TIMEOUT_MS),
    numberProblem('concurrency', options.concurrency, 256),
    logProblem(logger),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new LedgerError('BAD_CONFIG', problems.join('; '));
}

/** One line if this is no place to read from. */
export function fromProblem(field: string, from: unknown): string | undefined {
  if (from === 'start' || from === 'end') return undefined;
  const { at, positions } = Object(from) as { at?: unknown; positions?: unknown };
  if (at !== undefined) {
    const answer = toInstant(`${field}.at`, at);
    return 'problem' in answer ? answer.problem : undefined;
  }
  if (typeof positions !== 'object' || positions === null)
    return `${field}: expected 'start', 'end', { at } or { positions }, got ${shown(from)}`;
  const wrong = Object.entries(positions).find(
    ([partition, position]) => !/^\d{1,3}$/.test(partition) || !isPosition(position),
  );
  return wrong && `${field}.positions: expected partitions with positions, got ${shown(wrong)}`;
}

/** Throws `BAD_INPUT` if this is no place to read from. */
export function checkFrom(field: string, from: ConsumeFrom): void {
  const problem = fromProblem(field, from);
  if (problem !== undefined) throw new LedgerError('BAD_INPUT', problem);
}

function isPosition(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function sourceProblems({ source, kafka, ledger }: ConsumerOptions): readonly string[] {
  switch (source ?? (kafka === undefined ? 'postgres' : 'kafka')) {
    case 'kafka':
      return kafka === undefined ? [`kafka: expected { brokers }, since source is 'kafka'`] : [];
    case 'postgres':
      return ledger === undefined
        ? [`ledger: expected the ledger's database, or kafka: { brokers }`]
        : [];
    default:
      return [`source: expected 'kafka' or 'postgres', got ${shown(source)}`];
  }
}

function listProblem(field: string, value: unknown): string | undefined {
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || value.length === 0)
    return `${field}: expected a list of names, got ${shown(value)}`;
  return value.map((one) => nameProblem(field, one)).find((problem) => problem !== undefined);
}

function numberProblem(field: string, value: unknown, most: number): string | undefined {
  return value === undefined ? undefined : integerProblem(field, value, 1, most);
}

function prefixed(field: string, problem: string | undefined): string | undefined {
  return problem?.replace(/^schema/, field);
}
