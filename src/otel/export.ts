import { SpanKind, SpanStatusCode, type Attributes, type HrTime } from '@opentelemetry/api';
import { readOtelEnvironment } from '../config.js';
import { LedgerError } from '../errors.js';
import { SYSTEM } from '../telemetry.js';
import type { RecreatedSpan } from '../trace/recreate.js';
import { VERSION } from '../version.js';
import { optional } from './packages.js';

/** Sends spans of another time over OTLP. */
export interface SpanSender {
  /** Resolves when they were taken; throws `RECEIVER_UNREACHABLE`. */
  send(spans: readonly RecreatedSpan[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens a sender to where the standard OTEL_* variables say. Throws `MISSING_PACKAGE`. */
export async function openSender(): Promise<SpanSender> {
  const { isJson, hasServiceName } = readOtelEnvironment();
  const [exporter, { resourceFromAttributes, detectResources, envDetector }] = await optional(
    'trace --export',
    () => Promise.all([exporterOf(isJson), import('@opentelemetry/resources')]),
  );
  const named = resourceFromAttributes(hasServiceName ? {} : { 'service.name': SYSTEM });
  const resource = named.merge(detectResources({ detectors: [envDetector] }));
  await resource.waitForAsyncAttributes?.();
  return {
    send: (spans) =>
      new Promise((resolve, reject) => {
        const readable = spans.map((span) => ({ ...readableOf(span), resource }));
        exporter.export(readable, ({ code, error }) => {
          if (code === 0) resolve();
          else reject(unreachable(error));
        });
      }),
    close: () => exporter.shutdown(),
  };
}

async function exporterOf(isJson: boolean) {
  const { OTLPTraceExporter } = isJson
    ? await import('@opentelemetry/exporter-trace-otlp-http')
    : await import('@opentelemetry/exporter-trace-otlp-proto');
  return new OTLPTraceExporter();
}

function unreachable(error: Error | undefined): LedgerError {
  const text = `trace --export: the receiver of spans took nothing: ${error?.message ?? 'no reason given'}`;
  return new LedgerError('RECEIVER_UNREACHABLE', text, { cause: error });
}

/** A span as exporters read it. */
function readableOf(one: RecreatedSpan) {
  const [startTime, endTime] = [hrTime(one.startMs), hrTime(one.endMs)];
  const { name, kind, span, parent, links, error, attributes } = one;
  return {
    ...{ name, kind: SpanKind[kind], attributes, links: [...links], startTime, endTime },
    spanContext: () => span,
    parentSpanContext: parent,
    status:
      error === undefined
        ? { code: SpanStatusCode.UNSET }
        : { code: SpanStatusCode.ERROR, message: error.message },
    events:
      error === undefined ? [] : [{ name: 'exception', time: endTime, attributes: said(error) }],
    duration: hrTime(one.endMs - one.startMs),
    ended: true,
    instrumentationScope: { name: SYSTEM, version: VERSION },
    ...{ droppedAttributesCount: 0, droppedEventsCount: 0, droppedLinksCount: 0 },
  };
}

/** An exception as the SDK's own spans tell it. */
function said({ name, message, stack }: NonNullable<RecreatedSpan['error']>): Attributes {
  return {
    'exception.type': name,
    'exception.message': message,
    ...(stack === undefined ? {} : { 'exception.stacktrace': stack }),
  };
}

function hrTime(ms: number): HrTime {
  const micros = Math.round(ms * 1_000);
  return [Math.floor(micros / 1_000_000), (micros % 1_000_000) * 1_000];
}
