import type { LedgerOptions } from './api.js';
import { LedgerError } from './errors.js';
import { shown } from './job/limits.js';
import { booleanProblem, functionProblem, unknownOptions } from './job/option-problems.js';
import { schemaProblem } from './ledger/tables.js';
import { logProblem } from './log.js';

const OPTIONS = {
  database: true,
  schema: true,
  jobs: true,
  migrate: true,
  partitions: true,
  pooler: true,
  maxConnections: true,
  enqueueTimeoutMs: true,
  whenBufferFull: true,
  logger: true,
  clockShiftMs: true,
} as const satisfies { readonly [K in keyof LedgerOptions]-?: true };

/** What the compiler would have said: options that are misspelt or of another type, a line for each. */
export function optionProblems(options: LedgerOptions): readonly string[] {
  if (typeof options !== 'object' || options === null) {
    throw new LedgerError('BAD_CONFIG', `options: expected an object, got ${shown(options)}`);
  }
  const { schema, migrate, pooler, clockShiftMs, logger, jobs } = options;
  return [
    ...unknownOptions(options, OPTIONS, 'openLedger'),
    schema === undefined ? undefined : schemaProblem(schema),
    booleanProblem('migrate', migrate),
    booleanProblem('pooler', pooler),
    functionProblem('clockShiftMs', clockShiftMs),
    logProblem(logger),
    ...jobsProblems(jobs),
  ].filter((problem) => problem !== undefined);
}

function jobsProblems(jobs: unknown): readonly string[] {
  if (jobs === undefined) return [];
  if (!Array.isArray(jobs)) return [`jobs: expected a list of jobs, got ${shown(jobs)}`];
  return jobs.flatMap((job: unknown, index) =>
    typeof job === 'object' && job !== null && 'kind' in job && 'options' in job
      ? []
      : [`jobs[${index}]: expected a job made by defineJob, got ${shown(job)}`],
  );
}
