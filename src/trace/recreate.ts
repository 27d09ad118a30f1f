import type { Attributes, Link, SpanContext } from '@opentelemetry/api';
import type { ErrorRecord } from '../job/error-record.js';
import { ATTRIBUTES as A, SYSTEM, type Outcome } from '../telemetry.js';
import { attemptAttributes, attemptLinks } from './attempt.js';
import type { AttemptTrace, JobTrace } from './job-trace.js';
import { timeInId } from './rules.js';

/** A span as the ledger tells it. Times are milliseconds since 1970, with fractions. */
export interface RecreatedSpan {
  readonly name: string;
  readonly kind: 'PRODUCER' | 'CONSUMER';
  readonly span: SpanContext;
  readonly parent: SpanContext | undefined;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Attributes;
  readonly links: readonly Link[];
  readonly error: ErrorRecord | undefined;
}

/**
 * The spans of a job: of its enqueue, and of each attempt that has ended. The same events make the same
 * spans, with the ids that the spans of their time had. Who enqueued is known only if a job did:
 * `cause` is that one.
 */
export function recreate(job: JobTrace, cause?: JobTrace): RecreatedSpan[] {
  const ended = job.attempts.filter(({ endedAt }) => endedAt !== undefined);
  return [sendSpan(job, cause), ...ended.map((attempt) => attemptSpan(job, attempt))];
}

function sendSpan({ enqueued, enqueuedAt, send }: JobTrace, cause?: JobTrace): RecreatedSpan {
  const { streamId, kind, queue, meta } = enqueued;
  const idMs = timeInId(streamId) ?? enqueuedAt;
  // A span that many jobs share cannot be told by one of them.
  const own = meta.trace === 'link' ? {} : { [A.messageId.name]: streamId };
  return {
    ...{ name: `send ${queue}`, kind: 'PRODUCER', span: send, links: [], error: undefined },
    parent: cause?.attempts.find(({ span }) => span.traceId === send.traceId)?.span,
    startMs: enqueuedAt - idMs > 0 && enqueuedAt - idMs < LONGEST_MS ? idMs : enqueuedAt,
    endMs: enqueuedAt,
    attributes: {
      ...{
        [A.system.name]: SYSTEM,
        [A.operationName.name]: 'send',
        [A.operationType.name]: 'send',
      },
      ...{ [A.destination.name]: queue, [A.kind.name]: kind, ...own, [A.recreated.name]: true },
    },
  };
}

/** An id that was made long before its enqueue says nothing of how long that took, in milliseconds. */
const LONGEST_MS = 60_000;

function attemptSpan(job: JobTrace, one: AttemptTrace): RecreatedSpan {
  const { streamId: jobId, kind, queue, partition, meta } = job.enqueued;
  const facts = { jobId, kind, queue, partition, meta, attempt: one.attempt, worker: one.worker };
  return {
    ...{ name: `process ${queue}`, kind: 'CONSUMER', span: one.span, error: one.ending?.error },
    // A child is in its parent's trace, and nothing else of the job is.
    parent: one.span.traceId === job.send.traceId ? job.send : undefined,
    startMs: one.startedAt,
    endMs: Math.max(one.startedAt, one.endedAt!),
    attributes: {
      ...attemptAttributes(facts),
      ...one.ending?.attributes,
      [A.recreated.name]: true,
    },
    links: attemptLinks(job.send, previousOf(job, one)),
  };
}

function previousOf(job: JobTrace, { attempt }: AttemptTrace) {
  const failed = job.attempts.findLast((one) => one.attempt < attempt && FAILURES.has(one.outcome));
  return failed && { span: failed.span, attempt: failed.attempt };
}

const FAILURES: ReadonlySet<Outcome | undefined> = new Set(['retrying', 'failed', 'lost'] as const);
