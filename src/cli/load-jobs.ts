import { LedgerError } from '../errors.js';
import type { JobContract, RunnableJob } from '../index.js';
import { importModule, nameOf } from './import-module.js';
import { badInput } from './parse.js';

/** What a `--jobs` module defines. */
export interface LoadedJobs {
  /** Every kind, with or without a handler. */
  readonly contracts: readonly JobContract[];
  readonly runnable: readonly RunnableJob[];
}

interface Found {
  /** Where in the module it stands, for errors. */
  readonly place: string;
  readonly job: JobContract | RunnableJob;
}

/**
 * Loads the job definitions that a module exports: by name, or in an array as its default. Any
 * fault is one line that names the file. A kind may be exported as a contract and with its handler.
 */
export async function loadJobs(path: string): Promise<LoadedJobs> {
  const exported = await importModule('--jobs', path);
  const found = jobsOf(path, exported);
  if (found.length === 0) {
    throw badInput(
      `--jobs: expected ${path} to export jobs made by defineJob, by name or in a default array; found none`,
    );
  }
  const byKind = new Map<string, Found>();
  for (const one of found) {
    const other = byKind.get(one.job.kind);
    byKind.set(one.job.kind, other === undefined ? one : chosen(path, other, one));
  }
  const contracts = [...byKind.values()].map(({ job }) => job);
  return { contracts, runnable: contracts.filter(isRunnable) };
}

/** The jobs of a module that can be run; there must be one at least. */
export async function loadRunnableJobs(path: string): Promise<readonly RunnableJob[]> {
  const { contracts, runnable } = await loadJobs(path);
  if (runnable.length > 0) return runnable;
  const kinds = contracts.map(({ kind }) => kind).join(', ');
  throw badInput(`--jobs: expected a job with a handler in ${path}; without one: ${kinds}`);
}

function jobsOf(path: string, { default: list, ...named }: Record<string, unknown>): Found[] {
  const found = Object.entries(named).flatMap(([place, value]) =>
    isJob(value) ? [{ place, job: value }] : [],
  );
  if (list === undefined) return found;
  if (isJob(list)) return [...found, { place: 'default', job: list }];
  if (!Array.isArray(list)) {
    throw badInput(
      `--jobs: default export of ${path}: expected an array of jobs, got ${nameOf(list)}`,
    );
  }
  for (const [index, job] of (list as readonly unknown[]).entries()) {
    const place = `default[${index}]`;
    if (!isJob(job)) {
      throw badInput(
        `--jobs: ${place} of ${path}: expected a job made by defineJob, got ${nameOf(job)}`,
      );
    }
    found.push({ place, job });
  }
  return found;
}

/** One kind, exported twice: the same thing, or a contract and what runs it. */
function chosen(path: string, one: Found, other: Found): Found {
  if (one.job === other.job || !isRunnable(other.job)) return one;
  if (!isRunnable(one.job)) return other;
  throw new LedgerError(
    'DUPLICATE_KIND',
    `--jobs: kind ${JSON.stringify(one.job.kind)} is defined twice in ${path}: ${one.place} and ${other.place}`,
  );
}

function isJob(value: unknown): value is JobContract | RunnableJob {
  const job = value as Partial<JobContract> | null | undefined;
  return (
    typeof job === 'object' &&
    job !== null &&
    typeof job.kind === 'string' &&
    typeof job.handler === 'function' &&
    typeof job.options === 'object'
  );
}

function isRunnable(job: JobContract | RunnableJob): job is RunnableJob {
  return 'handle' in job && typeof job.handle === 'function';
}
