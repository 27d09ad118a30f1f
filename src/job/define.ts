import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Enqueued, EnqueueOptions } from './enqueue-options.js';
import type { ErrorCategory, ErrorRecord } from './error-record.js';
import type { Json, JsonObject } from './json.js';
import type { RetryOption } from './retry.js';

/** A payload or result validator: anything that speaks Standard Schema (zod, valibot, arktype …). */
export type Schema<Input = unknown, Output = Input> = StandardSchemaV1<Input, Output>;

/** What a handler is told beside its payload. */
export interface HandlerContext {
  /** The same in every attempt: a good key for making effects idempotent. */
  readonly jobId: string;
  readonly kind: string;
  readonly queue: string;
  /** Number of this attempt. It only rises; released and snoozed attempts use numbers too. */
  readonly attempt: number;
  /** Counted attempts that the job may have. */
  readonly maxAttempts: number;
  /** Aborts when the attempt should end; `signal.reason` is one of `AbortReason`. */
  readonly signal: AbortSignal;
  /** The latest failure or loss of this job. */
  readonly previousError: ErrorRecord | undefined;
  /** As the enqueue gave it, frozen. */
  readonly metadata: Readonly<JsonObject>;
  readonly tenant: string | undefined;
  readonly principal: string | undefined;
  readonly correlationId: string | undefined;
  /** A logger that carries job id, kind and attempt, and the ids of the attempt's span if it has one. */
  readonly log: Log;
  /** Enqueues follow-ups; causation and correlation are filled in. */
  readonly ledger: FollowUps;
  /** Reports how far the attempt is, 0 to 1; recorded at most once a second. */
  readonly progress: (fraction: number, note?: string) => void;
  /**
   * Ends this attempt, uncounted, and runs the job again at a time or after milliseconds. It works
   * by throwing: do not catch what it throws.
   */
  readonly snooze: (until: Date | string | number) => never;
}

/**
 * Why a handler's signal aborted: the attempt's time is over, somebody canceled the job, the worker
 * is shutting down, or the worker was declared dead and another may have the job.
 */
export type AbortReason = 'timeout' | 'canceled' | 'shutdown' | 'lease-lost';

/** The part of a logger that jobledger calls; pino's has it. */
export interface Log {
  debug(fields: object | string, message?: string): void;
  info(fields: object | string, message?: string): void;
  warn(fields: object | string, message?: string): void;
  error(fields: object | string, message?: string): void;
  child(fields: object): Log;
  isLevelEnabled?(level: string): boolean;
}

/** Enqueueing from inside a handler. */
export interface FollowUps {
  enqueue<P extends Schema>(
    job: JobContract<P> | string,
    payload: StandardSchemaV1.InferInput<P>,
    options?: EnqueueOptions,
  ): Promise<Enqueued>;
}

/** A handler: what it returns is the job's result; what it throws is classified and recorded. */
export type Handler<P extends Schema, R = unknown> = (
  payload: StandardSchemaV1.InferOutput<P>,
  context: HandlerContext,
) => R | Promise<R>;

/** What a classifier is told of the attempt. */
export interface AttemptFacts {
  readonly kind: string;
  readonly queue: string;
  readonly attempt: number;
  readonly maxAttempts: number;
  readonly durationMs: number;
  readonly payload: Json;
  readonly metadata: Readonly<JsonObject>;
}

/** A classifier's verdict; what it leaves out is taken from the default one. */
export interface Verdict {
  /** What sort of trouble it is. */
  readonly category?: ErrorCategory;
  /** Whether trying again can help; goes before the policy's lists. What is usual for `category` unless said. */
  readonly retryable?: boolean;
  /** The delay to take instead of the policy's, in milliseconds, at most 24 days. */
  readonly retryAfterMs?: number;
  /** Groups errors of one origin, 1 to 255 bytes of printable text; computed unless said. */
  readonly fingerprint?: string;
}

/** Judges what a handler threw; undefined leaves it to the default. One that throws is ignored. */
export type Classifier = (error: unknown, facts: AttemptFacts) => Verdict | undefined;

/** What `defineJob` takes. */
export interface JobOptions<P extends Schema, R extends Schema = Schema> {
  /** Registered name, 1 to 255 bytes of printable text: `email.send`. */
  readonly kind: string;
  /** Checks payloads at enqueue, and again before each attempt. */
  readonly payload: P;
  /** Checks what the handler returns; a result that fails is left out, and the job succeeds. */
  readonly result?: R;
  /** Queue where the enqueue names none; `default` unless said. */
  readonly queue?: string;
  /** Priority where the enqueue names none; lower runs first; 0 unless said. */
  readonly priority?: number;
  /** Policy or function for the delay after a failed attempt; 1 s doubling to 1 h, full jitter, unless said. */
  readonly retry?: RetryOption;
  /** Counted attempts, 1 to 32,767; 5 unless said; 1 means no retry. */
  readonly maxAttempts?: number;
  /** Milliseconds that an attempt may take, or null for no limit; 15 minutes unless said. */
  readonly timeout?: number | null;
  /** How attempts relate to the enqueue's span; see the option of `enqueue`; `auto` unless said. */
  readonly trace?: 'auto' | 'child' | 'link';
  /** Judges this kind's errors before the default classifier does. */
  readonly classify?: Classifier;
}

/** What producers import: the kind, its types and its rules, without the code that runs it. */
export interface JobContract<P extends Schema = Schema, R extends Schema = Schema> {
  readonly kind: string;
  readonly options: JobOptions<P, R>;
  /** Makes the contract runnable. */
  handler(
    handle: Handler<P, StandardSchemaV1.InferInput<R>>,
    options?: HandlerOptions,
  ): RunnableJob<P, R>;
}

/** Options of `JobContract.handler`. */
export interface HandlerOptions {
  /** Overrides the contract's classifier, where only the worker knows the errors. */
  readonly classify?: Classifier;
}

/** A contract with its handler: what a worker takes. */
export interface RunnableJob<
  P extends Schema = Schema,
  R extends Schema = Schema,
> extends JobContract<P, R> {
  /** A method, so that jobs of every payload fit into one list. */
  handle(
    payload: StandardSchemaV1.InferOutput<P>,
    context: HandlerContext,
  ): StandardSchemaV1.InferInput<R> | Promise<StandardSchemaV1.InferInput<R>>;
  readonly handlerOptions: HandlerOptions;
}
