import type { SpanContext } from '@opentelemetry/api';
import type { EventMeta } from '../job/events.js';
import { CHILD_WITHIN_MS, MAX_TRACE_DEPTH } from '../telemetry.js';
import { depthOf } from '../tracing.js';

/** What decides whether an attempt is a child of its enqueue. */
export interface Beginning {
  readonly attempt: number;
  /** Whether the job was enqueued for a later time. */
  readonly delayed: boolean;
  /** Since its enqueue; undefined if nobody knows. */
  readonly ageMs: number | undefined;
  readonly mode: EventMeta['trace'];
}

/**
 * True if an attempt belongs into the trace of its enqueue. Only a first attempt does, and unless told
 * only one that begins soon: a trace should be over when it is looked at, and never grow without end,
 * so that the depth counts whatever was told.
 */
export function isChild(enqueue: SpanContext, of: Beginning): boolean {
  if (of.attempt > 1 || of.mode === 'link' || depthOf(enqueue) >= MAX_TRACE_DEPTH) return false;
  return of.mode === 'child' || (!of.delayed && (of.ageMs ?? 0) <= CHILD_WITHIN_MS);
}

/** The time in an id of version 7, in milliseconds; undefined if a caller chose one of another sort. */
export function timeInId(jobId: string): number | undefined {
  if (jobId[14] !== '7') return undefined;
  return Number.parseInt(jobId.slice(0, 8) + jobId.slice(9, 13), 16);
}
