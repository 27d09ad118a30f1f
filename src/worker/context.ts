import type { Enqueued, EnqueueOptions } from '../job/enqueue-options.js';
import { LedgerError } from '../errors.js';
import type { FollowUps, HandlerContext, JobContract, Log } from '../job/define.js';
import type { EventMeta } from '../job/events.js';
import { cleanText } from '../job/clean-text.js';
import type { Attempt } from './attempt.js';
import { Snooze } from './snooze.js';
import { tracedLog } from './traced-log.js';

/** What a context reaches outside its attempt. */
export interface ContextTools {
  readonly log: Log;
  readonly enqueue: (
    job: JobContract | string,
    payload: unknown,
    options: EnqueueOptions,
    inherited: EventMeta,
  ) => Promise<Enqueued>;
  /** Notes that an attempt has progress to record. */
  progressed(attempt: Attempt): void;
}

/** The handler's second argument. Everything in it is made when asked for, and may be destructured. */
export function createContext(attempt: Attempt, tools: ContextTools): HandlerContext {
  return new Context(attempt, tools);
}

class Context implements HandlerContext {
  readonly #attempt: Attempt;
  readonly #tools: ContextTools;
  #log: Log | undefined;

  constructor(attempt: Attempt, tools: ContextTools) {
    this.#attempt = attempt;
    this.#tools = tools;
  }

  get jobId(): string {
    return this.#attempt.row.job_id;
  }
  get kind(): string {
    return this.#attempt.row.kind;
  }
  get queue(): string {
    return this.#attempt.claim.queue;
  }
  get attempt(): number {
    return this.#attempt.row.attempt;
  }
  get maxAttempts(): number {
    return this.#attempt.row.max_attempts;
  }
  get signal(): AbortSignal {
    return this.#attempt.signal;
  }
  get previousError(): HandlerContext['previousError'] {
    return this.#attempt.previousError;
  }
  get metadata(): HandlerContext['metadata'] {
    return frozen(this.#attempt.metadata);
  }
  get tenant(): string | undefined {
    return this.#attempt.meta.tenant;
  }
  get principal(): string | undefined {
    return this.#attempt.meta.principal;
  }
  get correlationId(): string | undefined {
    return this.#attempt.meta.correlationId;
  }

  get log(): Log {
    const { jobId, kind, attempt } = this;
    const { span } = this.#attempt;
    const log = () => this.#tools.log.child({ jobId, kind, attempt });
    return (this.#log ??= span === undefined ? log() : tracedLog(log(), span.logFields));
  }

  get ledger(): FollowUps {
    const { meta } = this.#attempt;
    const inherited: EventMeta = {
      causationId: this.jobId,
      correlationId: meta.correlationId ?? this.jobId,
      hops: (meta.hops ?? 0) + 1,
    };
    return {
      enqueue: (job, payload, options) =>
        this.#tools.enqueue(job as JobContract | string, payload, options ?? {}, inherited),
    };
  }

  get progress(): (fraction: number, note?: string) => void {
    return (fraction, note) => {
      if (!(fraction >= 0 && fraction <= 1)) {
        throw new LedgerError(
          'BAD_INPUT',
          `progress: expected a fraction from 0 to 1, got ${fraction}`,
        );
      }
      this.#attempt.progress =
        note === undefined ? { fraction } : { fraction, note: cleanText(String(note), 1_024) };
      this.#tools.progressed(this.#attempt);
    };
  }

  get snooze(): (until: Date | string | number) => never {
    return (until) => {
      throw new Snooze(until);
    };
  }
}

/** Read-only all the way down: what a handler writes here would otherwise reach nobody, silently. */
function frozen<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const inner of Object.values(value)) frozen(inner);
  return Object.freeze(value);
}
