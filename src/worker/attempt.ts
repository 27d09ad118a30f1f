import type { OutcomeCommand } from '../job/commands.js';
import type { AbortReason } from '../job/define.js';
import type { ErrorRecord } from '../job/error-record.js';
import { enqueuedProblem } from '../job/enqueued-problem.js';
import { formProblem } from '../job/event-versions.js';
import type { EventMeta, EventType, JobEvents } from '../job/events.js';
import type { Json, JsonObject } from '../job/json.js';
import type { JobState } from '../job/state.js';
import type { StoredEvent } from '../job/upcast.js';
import type { ClaimedRow } from '../ledger/claim/fetch-statement.js';
import type { AttemptSpan, Traced } from './attempt-span.js';
import type { ClaimFacts } from './claim-facts.js';

/**
 * One attempt in this process, from its claim to its recorded outcome. It is settled once: by its
 * handler's end, by its timeout, or by the worker's shutdown, whichever comes first.
 */
export class Attempt {
  readonly row: ClaimedRow;
  readonly claim: ClaimFacts;
  /** What its JobEnqueued says; nothing of it counts where that is malformed. */
  readonly enqueued: JobEvents['JobEnqueued'];
  /** Why it cannot be worked on: of its JobEnqueued, or of another event that it builds on. */
  readonly malformed: string | undefined;
  readonly meta: EventMeta;
  #controller: AbortController | undefined;
  #aborted: AbortReason | undefined;
  /** `performance.now()` when its handler began; 0 before. */
  beganAt = 0;
  timer: NodeJS.Timeout | undefined;
  #handlerEnded = false;
  /** Its span, if there is an SDK that wants one. */
  span: AttemptSpan | undefined;
  #outcome: OutcomeCommand | undefined;
  /** A cancel request has been seen: its ending is decided by the stream, not by what we know. */
  cancelSeen = false;
  progress: { fraction: number; note?: string } | undefined;
  #isAnswered = false;
  #whenAnswered: (() => void)[] | undefined;
  /** Its outcome was sent to the store, and whether it got in is not known. */
  sentBefore = false;

  constructor(row: ClaimedRow, claim: ClaimFacts) {
    this.row = row;
    this.claim = claim;
    const problem = enqueuedProblem(row.data, row.form);
    this.enqueued =
      problem === undefined ? (row.data as JobEvents['JobEnqueued']) : NOTHING_ENQUEUED;
    this.malformed = problem ?? unreadable(row.patched) ?? unreadable(row.failure);
    this.meta = row.meta as EventMeta;
  }

  get jobId(): string {
    return this.row.job_id;
  }

  get number(): number {
    return this.row.attempt;
  }

  get payload(): Json {
    const patched = dataOf<'JobRetried'>(this.row.patched);
    return patched?.payload === undefined ? this.enqueued.payload : patched.payload;
  }

  get metadata(): Readonly<JsonObject> {
    return this.enqueued.metadata ?? {};
  }

  get previousError(): ErrorRecord | undefined {
    return this.#failure?.error;
  }

  get previousDelayMs(): number | undefined {
    const decision = this.#failure?.decision;
    return decision?.action === 'retry' ? decision.delayMs : undefined;
  }

  get #failure(): JobEvents['AttemptFailed'] | undefined {
    return dataOf<'AttemptFailed'>(this.row.failure);
  }

  get isQuarantined(): boolean {
    return this.row.losses >= 2;
  }

  /** Most attempts never look at their signal: it is made when somebody does. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController();
      if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    }
    return this.#controller.signal;
  }

  get abortReason(): AbortReason | undefined {
    return this.#aborted;
  }

  get outcome(): OutcomeCommand | undefined {
    return this.#outcome;
  }

  /** Every outcome, also one that is mended later, says its span. */
  set outcome(outcome: OutcomeCommand | undefined) {
    const { span } = this;
    span?.settled();
    const isTold = span === undefined || outcome === undefined;
    this.#outcome = isTold ? outcome : { ...outcome, meta: span.meta };
  }

  /** Tells the handler to end. The first reason stands. */
  abort(reason: AbortReason): void {
    if (this.#aborted !== undefined) return;
    this.#aborted = reason;
    this.#controller?.abort(reason);
  }

  /** Settles the attempt; false if it was settled before. */
  settle(outcome: OutcomeCommand): boolean {
    if (this.outcome !== undefined) return false;
    this.outcome = outcome;
    this.endTimer();
    return true;
  }

  /** Calls back when the ledger has answered for its outcome. */
  whenAnswered(then: () => void): void {
    (this.#whenAnswered ??= []).push(then);
  }

  /** The ledger has answered, and what it answered has been told; or nobody waits for it any more. */
  answered(): void {
    this.#isAnswered = true;
    this.span?.close();
    for (const then of this.#whenAnswered ?? []) then();
  }

  /** Its outcome is on its way to the ledger. */
  get isUnderway(): boolean {
    return this.outcome !== undefined && !this.#isAnswered;
  }

  /** Its handler has returned, or its outcome no longer depends on it: its time cannot run out. */
  endTimer(): void {
    this.#handlerEnded = true;
    if (this.timer !== undefined) clearTimeout(this.timer);
  }

  get isTimed(): boolean {
    return !this.#handlerEnded;
  }

  /** When the handler began, by the database's clock: the claim's time and what passed since. */
  startedAt(): string {
    return this.beganAt === 0 ? this.claim.at : this.claim.timeAt(this.beganAt);
  }

  durationMs(now: number): number {
    return this.beganAt === 0 ? 0 : Math.round((now - this.beganAt) * 1_000) / 1_000;
  }

  /** What its span is made of. */
  traced(): Traced {
    const { row, claim } = this;
    const failed = row.failure === null ? undefined : this.#failure?.attempt;
    return {
      jobId: row.job_id,
      kind: row.kind,
      queue: claim.queue,
      partition: claim.partition,
      attempt: row.attempt,
      worker: claim.worker,
      meta: this.meta,
      atMs: claim.atMs,
      delayed: this.enqueued.runAt !== undefined,
      previous:
        failed === undefined ? undefined : { attempt: failed, traceparent: row.failure_trace },
    };
  }

  /** The job as the rules see it while this attempt runs. */
  state(): Extract<JobState, { readonly state: 'running' }> {
    const { row, enqueued } = this;
    return {
      state: 'running',
      id: row.job_id,
      partition: this.claim.partition,
      // Nothing that an outcome is decided on.
      position: 0,
      version: 0,
      kind: row.kind,
      queue: this.claim.queue,
      payload: this.payload,
      payloadAt: 0,
      priority: row.priority,
      attempt: row.attempt,
      counted: row.counted,
      maxAttempts: row.max_attempts,
      timeoutMs: enqueued.timeoutMs,
      retry: enqueued.retry,
      losses: row.losses,
      unique: enqueued.unique,
      metadata: enqueued.metadata,
      meta: this.meta,
      previousError: this.previousError,
      previousDelayMs: this.previousDelayMs,
      createdAt: this.claim.at,
      updatedAt: this.claim.at,
      worker: this.claim.worker,
      claim: this.claim.claim,
      startedAt: this.claim.at,
    };
  }
}

/** What an event says; undefined if there is none, or none that this program can read. */
function dataOf<T extends EventType>(event: StoredEvent | null): JobEvents[T] | undefined {
  if (event === null || formProblem(event) !== undefined) return undefined;
  return event.data as JobEvents[T];
}

function unreadable(event: StoredEvent | null): string | undefined {
  const problem = event === null ? undefined : formProblem(event);
  return problem === undefined ? undefined : `${event!.type}: ${problem}`;
}

const NOTHING_ENQUEUED = {
  payload: null,
  priority: 0,
  maxAttempts: 1,
  timeoutMs: null,
} satisfies JobEvents['JobEnqueued'];
