import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Context,
  type Span,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { EventMeta, NewEvent } from '../job/events.js';
import { LOG_FIELDS } from '../telemetry.js';
import { attemptAttributes, attemptLinks, type AttemptFacts } from '../trace/attempt.js';
import { endingOf } from '../trace/ending.js';
import { derivedSpan } from '../trace/ids.js';
import { isChild, timeInId } from '../trace/rules.js';
import { deeper, spanContextOf, traceparentOf, tracer, withBaggage } from '../tracing.js';

/** What an attempt's span is made of. */
export interface Traced extends AttemptFacts {
  /** When it was claimed, by the database's clock, in milliseconds since 1970. */
  readonly atMs: number;
  readonly delayed: boolean;
  /** The latest attempt that failed or was lost. */
  readonly previous: { readonly attempt: number; readonly traceparent: string | null } | undefined;
}

/**
 * The span of one attempt, from its beginning until its outcome is decided; it is sent when the ledger
 * has recorded what became of it. Its handler runs in it, and the event of its outcome says its ids.
 */
export class AttemptSpan {
  /** What the event of its outcome says of it. */
  readonly meta: EventMeta;
  readonly #span: Span;
  readonly #context: Context;
  #settledAt: number | undefined;
  #isOpen = true;

  constructor(span: Span, carried: Context) {
    this.meta = { traceparent: traceparentOf(span.spanContext()) };
    this.#span = span;
    this.#context = trace.setSpan(carried, span);
  }

  /** What its log lines say of it. */
  get logFields(): Readonly<Record<string, string>> {
    const { traceId, spanId } = this.#span.spanContext();
    return { [LOG_FIELDS.traceId]: traceId, [LOG_FIELDS.spanId]: spanId };
  }

  /** Runs the handler: what it does and enqueues continues this span. */
  run<T>(handler: () => T): T {
    return context.with(this.#context, handler);
  }

  /** Its outcome is decided now; what comes after is the ledger's time, not the handler's. */
  settled(): void {
    this.#settledAt ??= performance.now();
  }

  /** What the ledger made of it. */
  ended(event: Pick<NewEvent, 'type' | 'data'>): void {
    const ending = this.#span.isRecording() ? endingOf(event) : undefined;
    if (ending === undefined) return;
    this.#span.setAttributes(ending.attributes);
    const { error } = ending;
    if (error === undefined) return;
    this.#span.recordException(error, this.#settledAt);
    this.#span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
  }

  /** Sends it, with whatever is known of its outcome. */
  close(): void {
    if (this.#isOpen) this.#span.end(this.#settledAt);
    this.#isOpen = false;
  }
}

/** Begins an attempt's span; undefined if no SDK is set up, and then nothing is read or made. */
export function beginSpan(factsOf: () => Traced): AttemptSpan | undefined {
  const by = tracer();
  return by === undefined ? undefined : begin(by, factsOf());
}

function begin(by: Tracer, facts: Traced): AttemptSpan {
  const { meta, queue } = facts;
  const enqueue = spanContextOf(meta);
  const carried = withBaggage(meta);
  const parent =
    enqueue !== undefined && isChild(enqueue, beginningOf(facts))
      ? trace.setSpanContext(carried, deeper(enqueue))
      : carried;
  const options = {
    kind: SpanKind.CONSUMER,
    attributes: attemptAttributes(facts),
    links: attemptLinks(enqueue, previousOf(facts)),
  };
  return new AttemptSpan(by.startSpan(`process ${queue}`, options, parent), parent);
}

function beginningOf({ jobId, attempt, delayed, atMs, meta }: Traced) {
  const enqueuedMs = timeInId(jobId);
  const ageMs = enqueuedMs === undefined ? undefined : atMs - enqueuedMs;
  return { attempt, delayed, ageMs, mode: meta.trace };
}

/** A lost attempt could not say its ids: they are those that a re-created trace has. */
function previousOf({
  jobId,
  previous,
}: Traced): { span: SpanContext; attempt: number } | undefined {
  if (previous === undefined) return undefined;
  const { attempt, traceparent } = previous;
  const span = spanContextOf({ traceparent: traceparent ?? undefined });
  return { span: span ?? derivedSpan(jobId, attempt), attempt };
}
