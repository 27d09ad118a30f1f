import type { Middleware, Transition, WorkerOptions } from '../api-worker.js';
import { LedgerError } from '../errors.js';
import { DEFAULTS } from '../job/defaults.js';
import type { RunnableJob } from '../job/define.js';
import { integerProblem, shown } from '../job/limits.js';
import { nameProblem } from '../job/names.js';
import { booleanProblem, functionProblem, unknownOptions } from '../job/option-problems.js';
import { resolveRetry, type ResolvedRetry } from '../job/retry.js';
import { retryProblems } from '../job/retry-problems.js';

/** Worker options, checked and made whole. */
export interface WorkerSettings {
  readonly jobs: ReadonlyMap<string, RunnableJob>;
  readonly queues: readonly string[];
  readonly concurrency: number;
  readonly fetchAhead: number;
  readonly pollIntervalMs: number;
  readonly heartbeatMs: number;
  readonly leaseMs: number;
  readonly shutdownGraceMs: number;
  readonly shutdownAbortMs: number;
  readonly stallLimitMs: number;
  readonly cancelGraceMs: number;
  readonly retry: ResolvedRetry;
  readonly middleware: readonly Middleware[];
  readonly onTransition: ((transition: Transition) => void) | undefined;
  readonly failUnknownKinds: boolean;
  readonly maintenance: boolean;
}

/** Checks all options together: every fault is told at once, with those that were found already. */
export function workerSettings(
  options: WorkerOptions,
  found: readonly string[] = [],
): WorkerSettings {
  if (typeof options !== 'object' || options === null) {
    throw new LedgerError('BAD_CONFIG', `worker: expected options, got ${shown(options)}`);
  }
  const problems = [...found, ...problemsOf(options)];
  const jobs = jobsByKind(options.jobs, problems);
  const number = (name: NumberOption, min: number, max: number, fallback: number): number => {
    const value = options[name] ?? fallback;
    const problem = integerProblem(name, value, min, max);
    if (problem !== undefined) problems.push(problem);
    return value;
  };
  const heartbeatMs = number('heartbeatMs', 50, 3_600_000, 5_000);
  const settings: WorkerSettings = {
    jobs,
    queues: queuesOf(options, jobs, problems),
    concurrency: number('concurrency', 1, 10_000, 10),
    fetchAhead: number('fetchAhead', 0, 10_000, 1_000),
    pollIntervalMs: number('pollIntervalMs', 10, 3_600_000, 1_000),
    heartbeatMs,
    leaseMs: number('leaseMs', 1, 86_400_000, 15_000),
    shutdownGraceMs: number('shutdownGraceMs', 0, 86_400_000, 25_000),
    shutdownAbortMs: number('shutdownAbortMs', 0, 86_400_000, 5_000),
    stallLimitMs: number('stallLimitMs', 1_000, 86_400_000, 300_000),
    cancelGraceMs: number('cancelGraceMs', 0, 86_400_000, DEFAULTS.cancelGraceMs),
    retry: retryOf(options, problems),
    middleware: options.middleware ?? [],
    onTransition: options.onTransition,
    failUnknownKinds: options.failUnknownKinds ?? false,
    maintenance: options.maintenance ?? true,
  };
  if (settings.leaseMs < 3 * heartbeatMs) {
    problems.push(
      `leaseMs: expected at least 3 × heartbeatMs (${3 * heartbeatMs}), got ${settings.leaseMs}`,
    );
  }
  if (problems.length > 0) throw new LedgerError('BAD_CONFIG', `worker: ${problems.join('; ')}`);
  return settings;
}

const OPTIONS = {
  jobs: true,
  queues: true,
  concurrency: true,
  fetchAhead: true,
  pollIntervalMs: true,
  heartbeatMs: true,
  leaseMs: true,
  shutdownGraceMs: true,
  shutdownAbortMs: true,
  stallLimitMs: true,
  cancelGraceMs: true,
  retry: true,
  middleware: true,
  onTransition: true,
  failUnknownKinds: true,
  maintenance: true,
} as const satisfies { readonly [K in keyof WorkerOptions]-?: true };

/** What the compiler would have said: an option that is misspelt or of another type. */
function problemsOf(options: WorkerOptions): string[] {
  const { failUnknownKinds, maintenance, onTransition, middleware = [] } = options;
  const layers: readonly unknown[] = Array.isArray(middleware) ? middleware : [];
  return [
    ...unknownOptions(options, OPTIONS, 'a worker'),
    booleanProblem('failUnknownKinds', failUnknownKinds),
    booleanProblem('maintenance', maintenance),
    functionProblem('onTransition', onTransition),
    Array.isArray(middleware) ? undefined : 'middleware: expected a list of functions',
    ...layers.map((layer, index) => functionProblem(`middleware[${index}]`, layer ?? null)),
  ].filter((problem) => problem !== undefined);
}

type NumberOption = {
  [K in keyof WorkerOptions]-?: WorkerOptions[K] extends number | undefined ? K : never;
}[keyof WorkerOptions];

/** Kinds by name; the same contract twice, or two of one name, is a fault. */
function jobsByKind(jobs: readonly RunnableJob[], problems: string[]): Map<string, RunnableJob> {
  const byKind = new Map<string, RunnableJob>();
  if (!Array.isArray(jobs) || jobs.length === 0) problems.push('jobs: expected at least one job');
  for (const job of Array.isArray(jobs) ? jobs : []) {
    if (typeof job?.handle !== 'function') {
      problems.push(`jobs: ${JSON.stringify(job?.kind)} has no handler; expected job.handler(…)`);
    } else if (byKind.has(job.kind)) {
      problems.push(`jobs: kind ${JSON.stringify(job.kind)} is there twice`);
    } else byKind.set(job.kind, job);
  }
  return byKind;
}

function queuesOf(
  options: { readonly queues?: readonly string[] },
  jobs: ReadonlyMap<string, RunnableJob>,
  problems: string[],
): readonly string[] {
  if (options.queues === undefined) {
    const ofKinds = [...jobs.values()].map((job) => job.options.queue ?? DEFAULTS.queue);
    return [...new Set([DEFAULTS.queue, ...ofKinds])];
  }
  // A text is a list too, of its letters.
  if (!Array.isArray(options.queues)) {
    problems.push(`queues: expected a list of names, got ${shown(options.queues)}`);
    return [];
  }
  if (options.queues.length === 0) problems.push('queues: expected at least one queue');
  for (const queue of options.queues) {
    const problem = nameProblem('queues', queue);
    if (problem !== undefined) problems.push(problem);
  }
  return [...new Set(options.queues)];
}

function retryOf(options: WorkerOptions, problems: string[]): ResolvedRetry {
  const found = retryProblems(options.retry);
  problems.push(...found);
  return resolveRetry(found.length > 0 ? undefined : options.retry);
}
