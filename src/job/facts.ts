import type { RecordedEvent } from './events.js';
import type { JobFacts } from './state.js';

/**
 * The facts that every state carries, after one more event. Written out field by field so that what
 * belongs to the old state alone (`worker`, `runAt`, `finishedAt` …) cannot leak into the next.
 */
export function factsAfter(state: JobFacts, event: RecordedEvent): JobFacts {
  return {
    id: state.id,
    partition: state.partition,
    position: state.position,
    version: event.version,
    kind: state.kind,
    queue: state.queue,
    payload: state.payload,
    payloadAt: state.payloadAt,
    priority: state.priority,
    attempt: state.attempt,
    counted: state.counted,
    maxAttempts: state.maxAttempts,
    timeoutMs: state.timeoutMs,
    retry: state.retry,
    losses: state.losses,
    unique: state.unique,
    metadata: state.metadata,
    meta: state.meta,
    previousError: state.previousError,
    errorAt: state.errorAt,
    previousDelayMs: state.previousDelayMs,
    createdAt: state.createdAt,
    updatedAt: event.recordedAt,
  };
}
