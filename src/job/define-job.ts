import type { StandardSchemaV1 } from '@standard-schema/spec';
import type {
  Handler,
  HandlerOptions,
  JobContract,
  JobOptions,
  RunnableJob,
  Schema,
} from './define.js';
import { JobDefinitionError } from './definition-error.js';
import { maxAttemptsProblem, priorityProblem, shown, timeoutProblem } from './limits.js';
import { nameProblem } from './names.js';
import { functionProblem, traceProblem, unknownOptions } from './option-problems.js';
import { retryProblems } from './retry-problems.js';

/**
 * Defines a kind of job: the contract that producers import. Give it an inline `handle` to make it
 * runnable at once, or call `.handler(fn)` where the worker's code lives. Throws a TypeError that
 * names every option that is wrong.
 *
 * @example
 * const sendEmail = defineJob({
 *   kind: 'email.send',
 *   payload: z.object({ to: z.email(), template: z.string() }),
 *   retry: { type: 'exponential', baseMs: 500, capMs: 60_000 },
 *   timeout: 30_000,
 * });
 * const runnable = sendEmail.handler(async ({ to, template }, { signal }) => {
 *   await mailer.send(to, template, { signal });
 * });
 */
export function defineJob<P extends Schema, R extends Schema = Schema>(
  options: JobOptions<P, R> & { readonly handle: Handler<P, StandardSchemaV1.InferInput<R>> },
): RunnableJob<P, R>;
export function defineJob<P extends Schema, R extends Schema = Schema>(
  options: JobOptions<P, R>,
): JobContract<P, R>;
export function defineJob<P extends Schema, R extends Schema>(
  options: JobOptions<P, R> & { readonly handle?: Handler<P, StandardSchemaV1.InferInput<R>> },
): JobContract<P, R> {
  if (typeof options !== 'object' || options === null) {
    throw new JobDefinitionError(`defineJob: expected options, got ${shown(options)}`);
  }
  const { handle, ...rest } = options;
  const problems = problemsOf(rest);
  if (problems.length > 0) throw new JobDefinitionError(`defineJob: ${problems.join('; ')}`);
  const contract: JobContract<P, R> = Object.freeze({
    kind: rest.kind,
    options: Object.freeze(rest),
    handler: (
      fn: Handler<P, StandardSchemaV1.InferInput<R>>,
      handlerOptions: HandlerOptions = {},
    ): RunnableJob<P, R> => {
      checkHandler(fn, handlerOptions);
      return Object.freeze({ ...contract, handle: fn, handlerOptions });
    },
  });
  return handle === undefined ? contract : contract.handler(handle);
}

const OPTIONS = {
  kind: true,
  payload: true,
  result: true,
  queue: true,
  priority: true,
  retry: true,
  maxAttempts: true,
  timeout: true,
  trace: true,
  classify: true,
} as const satisfies { readonly [K in keyof JobOptions<Schema>]-?: true };

function checkHandler(fn: unknown, options: HandlerOptions): void {
  if (typeof fn !== 'function') throw new JobDefinitionError('handler: expected a function');
  const problems = [
    ...unknownOptions(options, { classify: true }, 'handler'),
    functionProblem('classify', options.classify),
  ].filter((problem) => problem !== undefined);
  if (problems.length > 0) throw new JobDefinitionError(`handler: ${problems.join('; ')}`);
}

function problemsOf(options: JobOptions<Schema>): string[] {
  const { kind, queue, priority, maxAttempts, timeout } = options;
  return [
    nameProblem('kind', kind),
    isSchema(options.payload) ? undefined : 'payload: expected a Standard Schema validator',
    options.result === undefined || isSchema(options.result)
      ? undefined
      : 'result: expected a Standard Schema validator',
    queue === undefined ? undefined : nameProblem('queue', queue),
    priority === undefined ? undefined : priorityProblem('priority', priority),
    maxAttempts === undefined ? undefined : maxAttemptsProblem('maxAttempts', maxAttempts),
    timeout === undefined ? undefined : timeoutProblem('timeout', timeout),
    ...retryProblems(options.retry, { allowFunction: true }),
    traceProblem(options.trace),
    functionProblem('classify', options.classify),
    ...unknownOptions(options, OPTIONS, 'defineJob'),
  ].filter((problem) => problem !== undefined);
}

function isSchema(value: unknown): boolean {
  const standard = (
    value as { readonly '~standard'?: { readonly validate?: unknown } } | undefined
  )?.['~standard'];
  return typeof standard?.validate === 'function';
}
