import type { Middleware } from '../api-worker.js';
import type { OutcomeCommand } from '../job/commands.js';
import type { HandlerContext, RunnableJob } from '../job/define.js';
import { encodeJson } from '../job/encode-json.js';
import { MAX_RESULT_BYTES } from '../job/limits.js';
import type { Json } from '../job/json.js';
import { validate, type Validated } from '../ledger/enqueue/validate.js';
import type { Attempt } from './attempt.js';
import { beginSpan } from './attempt-span.js';
import { createContext, type ContextTools } from './context.js';
import { failure, invalidPayload, malformed, timeout, unknownKind } from './failure.js';
import type { Deadlines } from './deadlines.js';
import type { WorkerSettings } from './options.js';
import { snoozeOf } from './snooze.js';

/** What an attempt needs of its worker. */
export interface Executor extends ContextTools {
  readonly settings: WorkerSettings;
  readonly deadlines: Deadlines;
  /** Takes an attempt's outcome towards the store. Called once per attempt. */
  settled(attempt: Attempt): void;
}

/**
 * Runs one attempt: find the handler, check the payload, call it within its time, judge how it
 * ended. Never throws. Returns when the handler has returned; the outcome may have been settled
 * before, by the timeout or a shutdown.
 */
export async function runAttempt(attempt: Attempt, executor: Executor): Promise<void> {
  attempt.beganAt = performance.now();
  attempt.span = beginSpan(() => attempt.traced());
  if (attempt.malformed !== undefined)
    return settle(attempt, executor, malformed(attempt, attempt.malformed));
  const job = executor.settings.jobs.get(attempt.row.kind);
  if (job === undefined) return settle(attempt, executor, unknownKind(attempt));
  executor.deadlines.begin(attempt);
  try {
    // The schema may have changed since the job was enqueued: then the handler is not called.
    const checked = validate(job.options.payload, attempt.payload);
    const payload = checked instanceof Promise ? await checked : checked;
    if ('problem' in payload)
      return settle(attempt, executor, invalidPayload(attempt, payload.problem));
    if (attempt.outcome !== undefined) return;
    const result = await handled(job, payload.value, attempt, executor);
    // It kept to its time; what checking the result takes is not the handler's.
    attempt.endTimer();
    const outcome = success(attempt, job, result);
    settle(attempt, executor, outcome instanceof Promise ? await outcome : outcome);
  } catch (error) {
    settle(attempt, executor, thrown(attempt, error, executor.settings, job));
  }
}

function settle(attempt: Attempt, executor: Executor, outcome: OutcomeCommand): void {
  if (attempt.settle(outcome)) executor.settled(attempt);
}

/**
 * The attempt's time is over: its signal aborts, and it has ended even if its handler goes on. One
 * that a shutdown had told to end before is given back, as after any other error.
 */
export function expire(attempt: Attempt, executor: Executor): void {
  attempt.abort('timeout');
  const isShutdown = attempt.abortReason === 'shutdown';
  const outcome = isShutdown ? release(attempt, 'shutdown') : timeout(attempt, executor.settings);
  settle(attempt, executor, outcome);
}

function thrown(
  attempt: Attempt,
  error: unknown,
  settings: WorkerSettings,
  job: RunnableJob,
): OutcomeCommand {
  const until = snoozeOf(error);
  if (until !== undefined) return snoozed(attempt, until);
  if (attempt.abortReason === 'shutdown') return release(attempt, 'shutdown');
  return failure(attempt, error, settings, job);
}

function handled(
  job: RunnableJob,
  payload: unknown,
  attempt: Attempt,
  executor: Executor,
): unknown {
  const { span } = attempt;
  const call = () => called(job, payload, attempt, executor);
  return span === undefined ? call() : span.run(call);
}

function called(job: RunnableJob, payload: unknown, attempt: Attempt, executor: Executor): unknown {
  const { middleware } = executor.settings;
  const context = createContext(attempt, executor);
  if (middleware.length === 0) return job.handle(payload, context);
  return throughMiddleware(middleware, payload, context, (value) => job.handle(value, context));
}

/** First registered is outermost. Who does not call `next` ends the attempt with what he returns. */
async function throughMiddleware(
  middleware: readonly Middleware[],
  payload: unknown,
  context: HandlerContext,
  handle: (payload: unknown) => unknown,
): Promise<unknown> {
  const call = async (index: number): Promise<unknown> => {
    const layer = middleware[index];
    return layer === undefined ? handle(payload) : layer(payload, context, () => call(index + 1));
  };
  return call(0);
}

/** A result that cannot be kept never changes the outcome: it is left out, and the event says why. */
function success(
  attempt: Attempt,
  job: RunnableJob,
  result: unknown,
): OutcomeCommand | Promise<OutcomeCommand> {
  const ended = performance.now();
  const common = {
    type: 'SucceedAttempt',
    attempt: attempt.row.attempt,
    worker: attempt.claim.worker,
    startedAt: attempt.startedAt(),
    durationMs: attempt.durationMs(ended),
  } as const;
  if (result === undefined && job.options.result === undefined) return common;
  const withKept = (kept: Kept): OutcomeCommand =>
    'omitted' in kept
      ? { ...common, resultOmitted: kept.omitted }
      : { ...common, result: kept.result };
  return job.options.result === undefined
    ? withKept(keepable(result))
    : checkedResult(job, result).then(withKept);
}

type Kept = { readonly result: Json | undefined } | { readonly omitted: string };

async function checkedResult(job: RunnableJob, result: unknown): Promise<Kept> {
  const checked = await validated(job, result);
  return 'problem' in checked
    ? { omitted: `result: ${checked.problem}`.slice(0, 500) }
    : keepable(checked.value);
}

function keepable(value: unknown): Kept {
  if (value === undefined) return { result: undefined };
  const encoded = encodeJson(value, 'result');
  if ('problem' in encoded) return { omitted: encoded.problem };
  if (encoded.storedBytes > MAX_RESULT_BYTES) {
    return {
      omitted: `result: expected at most ${MAX_RESULT_BYTES} bytes, got ${encoded.storedBytes}`,
    };
  }
  // What was judged is what is kept, whatever the handler's object does later.
  return { result: JSON.parse(encoded.text) as Json };
}

async function validated(job: RunnableJob, result: unknown): Promise<Validated> {
  try {
    const answer = validate(job.options.result!, result);
    return answer instanceof Promise ? await unlessHung(answer) : answer;
  } catch {
    return { problem: 'its validator threw' };
  }
}

const RESULT_VALIDATION_MS = 5_000;

/** The timer goes with the answer: thousands of results a second would else keep one each. */
async function unlessHung(answer: Promise<Validated>): Promise<Validated> {
  let timer: NodeJS.Timeout | undefined;
  const hung = new Promise<Validated>((resolve) => {
    const say = () => resolve({ problem: 'its validator did not answer' });
    timer = setTimeout(say, RESULT_VALIDATION_MS).unref();
  });
  try {
    return await Promise.race([answer, hung]);
  } finally {
    clearTimeout(timer);
  }
}

function snoozed(
  attempt: Attempt,
  until: { readonly delayMs: number | undefined; readonly runAt: string | undefined },
): OutcomeCommand {
  return {
    type: 'SnoozeAttempt',
    attempt: attempt.row.attempt,
    worker: attempt.claim.worker,
    startedAt: attempt.startedAt(),
    durationMs: attempt.durationMs(performance.now()),
    ...(until.runAt === undefined ? { delayMs: until.delayMs ?? 0 } : { runAt: until.runAt }),
  };
}

/** Gives an attempt back, uncounted. */
export function release(attempt: Attempt, why: string): OutcomeCommand {
  return {
    type: 'ReleaseAttempt',
    attempt: attempt.row.attempt,
    worker: attempt.claim.worker,
    why,
  };
}
