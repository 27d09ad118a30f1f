import { createHash } from 'node:crypto';
import { TraceFlags, type SpanContext } from '@opentelemetry/api';

/**
 * The ids of a span that nobody recorded (its worker was lost, or no SDK was set up), always the same
 * for the same job and attempt; attempt 0 is the enqueue. The enqueue and a first attempt share a trace.
 */
export function derivedSpan(jobId: string, attempt: number): SpanContext {
  const traceId = digest(`jobledger trace ${jobId} ${attempt > 1 ? attempt : 0}`, 32);
  const spanId = digest(`jobledger span ${jobId} ${attempt}`, 16);
  return { traceId, spanId, traceFlags: TraceFlags.SAMPLED, isRemote: true };
}

/** All zeros mean no id; a hash that is will not be met, but must not be possible. */
function digest(text: string, length: number): string {
  const hex = createHash('sha256').update(text).digest('hex').slice(0, length);
  return /[1-9a-f]/.test(hex) ? hex : '1'.padStart(length, '0');
}
