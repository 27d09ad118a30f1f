import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { gunzipSync } from 'node:zlib';

/** A span as it was received, with what tests ask for in a readable form. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  readonly kind: 'INTERNAL' | 'SERVER' | 'CLIENT' | 'PRODUCER' | 'CONSUMER' | 'UNSPECIFIED';
  readonly scope: string;
  readonly startMs: number;
  readonly endMs: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  readonly resource: Readonly<Record<string, unknown>>;
  readonly status: 'UNSET' | 'OK' | 'ERROR';
  readonly statusMessage: string | undefined;
  readonly links: readonly ReceivedLink[];
  readonly events: readonly { readonly name: string; readonly attributes: object }[];
}

export interface ReceivedLink {
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** A receiver of OTLP over HTTP: JSON is read, protobuf is kept as it came. */
export interface OtlpReceiver {
  /** For OTEL_EXPORTER_OTLP_ENDPOINT. */
  readonly url: string;
  /** What a process needs in its environment to send its spans here soon. */
  readonly env: Readonly<Record<string, string>>;
  readonly spans: readonly ReceivedSpan[];
  readonly requests: readonly OtlpRequest[];
  close(): Promise<void>;
}

export interface OtlpRequest {
  readonly path: string;
  readonly contentType: string;
  readonly body: Buffer;
}

/** Starts a receiver on a free port of this machine. */
export async function startOtlp(): Promise<OtlpReceiver> {
  const spans: ReceivedSpan[] = [];
  const requests: OtlpRequest[] = [];
  const server = createServer((request, response) => {
    void readBody(request).then((body) => {
      const contentType = request.headers['content-type'] ?? '';
      requests.push({ path: request.url ?? '', contentType, body });
      if (contentType.startsWith('application/json')) spans.push(...spansOf(body));
      response.writeHead(200, { 'content-type': contentType });
      response.end(contentType.startsWith('application/json') ? '{}' : '');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const env = {
    OTEL_EXPORTER_OTLP_ENDPOINT: url,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_BSP_SCHEDULE_DELAY: '50',
    OTEL_NODE_RESOURCE_DETECTORS: 'env',
  };
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { url, env, spans, requests, close };
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks);
  return request.headers['content-encoding'] === 'gzip' ? gunzipSync(body) : body;
}

interface Payload {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: Pairs };
    readonly scopeSpans?: readonly {
      readonly scope?: { readonly name?: string };
      readonly spans?: readonly RawSpan[];
    }[];
  }[];
}

interface RawSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: Pairs;
  readonly status?: { readonly code?: number; readonly message?: string };
  readonly links?: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes?: Pairs;
  }[];
  readonly events?: readonly { readonly name: string; readonly attributes?: Pairs }[];
}

type Pairs = readonly { readonly key: string; readonly value: Readonly<Record<string, unknown>> }[];

const KINDS = ['UNSPECIFIED', 'INTERNAL', 'SERVER', 'CLIENT', 'PRODUCER', 'CONSUMER'] as const;
const STATUSES = ['UNSET', 'OK', 'ERROR'] as const;

function spansOf(body: Buffer): ReceivedSpan[] {
  const { resourceSpans = [] } = JSON.parse(body.toString('utf8')) as Payload;
  return resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
    scopeSpans.flatMap(({ scope, spans = [] }) =>
      spans.map((span) => received(span, scope?.name ?? '', valuesOf(resource?.attributes))),
    ),
  );
}

function received(raw: RawSpan, scope: string, resource: Record<string, unknown>): ReceivedSpan {
  return {
    ...{ traceId: raw.traceId, spanId: raw.spanId, name: raw.name, scope, resource },
    parentSpanId: raw.parentSpanId === '' ? undefined : raw.parentSpanId,
    kind: KINDS[raw.kind] ?? 'UNSPECIFIED',
    startMs: Number(BigInt(raw.startTimeUnixNano) / 1_000n) / 1_000,
    endMs: Number(BigInt(raw.endTimeUnixNano) / 1_000n) / 1_000,
    attributes: valuesOf(raw.attributes),
    status: STATUSES[raw.status?.code ?? 0] ?? 'UNSET',
    statusMessage: raw.status?.message,
    links: (raw.links ?? []).map(({ traceId, spanId, attributes }) => ({
      ...{ traceId, spanId, attributes: valuesOf(attributes) },
    })),
    events: (raw.events ?? []).map(({ name, attributes }) => ({
      ...{ name, attributes: valuesOf(attributes) },
    })),
  };
}

function valuesOf(pairs: Pairs = []): Record<string, unknown> {
  return Object.fromEntries(pairs.map(({ key, value }) => [key, Object.values(value)[0]]));
}
