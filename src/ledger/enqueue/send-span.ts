import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  type Attributes,
  type Span,
} from '@opentelemetry/api';
import { isLedgerError } from '../../errors.js';
import type { EventMeta } from '../../job/events.js';
import { ATTRIBUTES as A, SYSTEM } from '../../telemetry.js';
import { traceMetaOf, tracer } from '../../tracing.js';
import type { Flushed } from './flushed.js';
import type { Prepared } from './prepare.js';

/**
 * Records jobs within one span of the caller’s trace, and lets each job’s first event say which: its
 * attempts continue from there. With no SDK set up, only records them.
 */
export async function withSendSpan(
  prepared: readonly Prepared[],
  record: (prepared: readonly Prepared[]) => Promise<readonly Flushed[]>,
): Promise<readonly Flushed[]> {
  const span = beginSend(prepared);
  if (span === undefined) return record(prepared);
  try {
    const within = trace.setSpan(context.active(), span);
    const flushed = await context.with(within, () => record(withTrace(prepared, span)));
    tell(span, prepared, flushed);
    return flushed;
  } catch (error) {
    fail(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function beginSend(prepared: readonly Prepared[]): Span | undefined {
  const [first] = prepared;
  if (first === undefined) return undefined;
  const queue = common(prepared, ({ queue: of }) => of);
  const name = queue === undefined ? 'send' : `send ${queue}`;
  return tracer()?.startSpan(name, {
    kind: SpanKind.PRODUCER,
    attributes: { ...attributesOf(prepared, queue) },
  });
}

function attributesOf(prepared: readonly Prepared[], queue: string | undefined): Attributes {
  const kind = common(prepared, ({ kind: of }) => of);
  return {
    [A.system.name]: SYSTEM,
    [A.operationName.name]: 'send',
    [A.operationType.name]: 'send',
    ...(queue === undefined ? {} : { [A.destination.name]: queue }),
    ...(kind === undefined ? {} : { [A.kind.name]: kind }),
    ...(prepared.length === 1 ? {} : { [A.batchCount.name]: prepared.length }),
  };
}

/** What all have in common, if they do. */
function common(prepared: readonly Prepared[], of: (one: Prepared) => string): string | undefined {
  const first = of(prepared[0]!);
  return prepared.every((one) => of(one) === first) ? first : undefined;
}

/** Jobs of a batch have one parent, which would be endless with all of them in it: they link to it. */
function withTrace(prepared: readonly Prepared[], span: Span): readonly Prepared[] {
  const meta = traceMetaOf(span.spanContext(), context.active());
  if (meta.traceparent === undefined) return prepared;
  const auto = prepared.length > 1 ? 'link' : undefined;
  return prepared.map((one) => {
    const mode = one.trace === 'auto' ? auto : one.trace;
    return { ...one, meta: joined(one.meta, mode === undefined ? meta : { ...meta, trace: mode }) };
  });
}

function joined(meta: string, more: EventMeta): string {
  return JSON.stringify({ ...(JSON.parse(meta) as EventMeta), ...more });
}

/** A batch’s single failures belong to the items that its caller asked for. */
function tell(span: Span, prepared: readonly Prepared[], flushed: readonly Flushed[]): void {
  const failed = flushed.find((one) => 'error' in one);
  if (failed !== undefined) fail(span, failed.error);
  const [one] = flushed;
  if (prepared.length > 1 || one === undefined || 'error' in one) return;
  span.setAttributes({ [A.messageId.name]: one.id, [A.created.name]: one.created });
}

function fail(span: Span, error: unknown): void {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  span.setAttribute(A.errorType.name, isLedgerError(error) ? error.code : name);
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
