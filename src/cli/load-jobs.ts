import { execFile } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { LedgerError } from '../errors.js';
import type { JobContract, RunnableJob } from '../index.js';
import { badInput } from './parse.js';
import { oneLine } from './text.js';

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
  const exported = await importModule(path);
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

async function importModule(path: string): Promise<Record<string, unknown>> {
  const file = resolve(path);
  const found = await stat(file).catch(() => undefined);
  if (found === undefined) throw badInput(`--jobs: expected a file, there is none at ${path}`);
  if (!found.isFile()) throw badInput(`--jobs: expected a file, ${path} is none`);
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    const why = await whyNotLoaded(path, error);
    throw new LedgerError('BAD_INPUT', `--jobs: ${why}`, { cause: error });
  }
}

async function whyNotLoaded(path: string, error: unknown): Promise<string> {
  if (!(error instanceof Error)) return `${path} threw while loading: ${oneLine(String(error))}`;
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') {
    return `this Node (${process.version}) cannot run ${extname(path)} files (${path}); expected .mjs or .js`;
  }
  const what = oneLine(`${error.name}: ${error.message}`);
  if (error instanceof SyntaxError) return `${path}${await lineOfSyntaxError(path)}: ${what}`;
  return `${path} threw while loading: ${what}`;
}

/** `:12`, or nothing if the fault is in a file that this one imports. The error itself does not say. */
async function lineOfSyntaxError(path: string): Promise<string> {
  const args = ['--check', resolve(path)];
  const said = await promisify(execFile)(process.execPath, args, { timeout: 10_000 }).then(
    () => '',
    (error: { readonly stderr?: string }) => error.stderr ?? '',
  );
  return /^\S.*(:\d+)$/m.exec(said)?.[1] ?? '';
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

function nameOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
