import {
  baggageEntryMetadataFromString,
  context,
  createContextKey,
  createTraceState,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  trace,
  type BaggageEntry,
  type Context,
  type SpanContext,
  type Tracer,
} from '@opentelemetry/api';
import type { EventMeta } from './job/events.js';
import { SYSTEM } from './telemetry.js';
import { VERSION } from './version.js';

/** What an event’s meta says of the span that it came from. */
export type TraceMeta = Pick<EventMeta, 'traceparent' | 'tracestate' | 'baggage'>;

/** The tracer, or undefined as long as nobody has set up an SDK: then nothing is spent on spans. */
export function tracer(): Tracer | undefined {
  const provider = trace.getTracerProvider() as Provider;
  // Until then the API’s own provider answers, which has nobody behind it.
  if (provider.getDelegateTracer !== undefined)
    return provider.getDelegateTracer(SYSTEM, VERSION) as Tracer | undefined;
  return provider.getTracer(SYSTEM, VERSION);
}

type Provider = ReturnType<typeof trace.getTracerProvider> & {
  readonly getDelegateTracer?: (name: string, version: string) => Tracer | undefined;
};

/**
 * Work that belongs to nobody’s span, and makes none: loops that poll, flushes that many callers
 * share. Whoever happens to have started them would otherwise be charged with all that they do.
 */
export function detached<T>(work: () => T): T {
  return context.with(DETACHED, work);
}

/** Code of the user's, called from such work: spans that it makes are its own. */
export function outside<T>(work: () => T): T {
  return context.with(ROOT_CONTEXT, work);
}

/** The SDK’s own key, by which instrumentations of drivers are told to make no span. */
const SUPPRESSED = createContextKey('OpenTelemetry SDK Context Key SUPPRESS_TRACING');
const DETACHED = ROOT_CONTEXT.setValue(SUPPRESSED, true);

/** What leads back to a span from an event, in the words of W3C Trace Context and Baggage. */
export function traceMetaOf(span: SpanContext, carried: Context): TraceMeta {
  if (!isSpanContextValid(span)) return {};
  const tracestate = span.traceState?.serialize();
  const baggage = baggageText(carried);
  return {
    traceparent: traceparentOf(span),
    ...(tracestate ? { tracestate } : {}),
    ...(baggage === '' ? {} : { baggage }),
  };
}

/** A span’s ids and flags as a `traceparent` says them. */
export function traceparentOf({ traceId, spanId, traceFlags }: SpanContext): string {
  return `00-${traceId}-${spanId}-${(traceFlags & 0xff).toString(16).padStart(2, '0')}`;
}

/** The span that an event’s meta names; undefined if it names none, or nonsense. */
export function spanContextOf({ traceparent, tracestate }: TraceMeta): SpanContext | undefined {
  const match = typeof traceparent === 'string' ? TRACEPARENT.exec(traceparent) : null;
  if (match === null) return undefined;
  const span: SpanContext = {
    traceId: match[1]!,
    spanId: match[2]!,
    traceFlags: Number.parseInt(match[3]!, 16),
    isRemote: true,
    ...(typeof tracestate === 'string' ? { traceState: createTraceState(tracestate) } : {}),
  };
  return isSpanContextValid(span) ? span : undefined;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/**
 * How many jobs lie between a span and the beginning of its trace. It travels in the trace’s own
 * state, so that it is right whichever way one job led to the next: through other services too.
 */
export function depthOf({ traceState }: SpanContext): number {
  const depth = Number(traceState?.get(SYSTEM) ?? 0);
  return Number.isInteger(depth) && depth >= 0 ? depth : 0;
}

/** The same span for those that follow from it, one job further. */
export function deeper(span: SpanContext): SpanContext {
  const traceState = (span.traceState ?? createTraceState()).set(SYSTEM, String(depthOf(span) + 1));
  return { ...span, traceState };
}

/** An empty context with the baggage that an event’s meta carries. */
export function withBaggage({ baggage }: TraceMeta): Context {
  const entries = typeof baggage === 'string' ? baggageEntries(baggage) : {};
  if (Object.keys(entries).length === 0) return ROOT_CONTEXT;
  return propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage(entries));
}

/** The bounds that W3C Baggage sets. */
const MAX_BAGGAGE_BYTES = 8_192;
const MAX_BAGGAGE_ENTRIES = 180;

/** Entries beyond the bounds are left out. Everything but ASCII is encoded, so letters are bytes. */
function baggageText(carried: Context): string {
  const entries = propagation.getBaggage(carried)?.getAllEntries() ?? [];
  let text = '';
  for (const [key, { value, metadata }] of entries.slice(0, MAX_BAGGAGE_ENTRIES)) {
    const more = metadata === undefined ? '' : `;${metadata.toString()}`;
    const entry = `${encodeURIComponent(key)}=${encodeURIComponent(value)}${more}`;
    const longer = text === '' ? entry : `${text},${entry}`;
    if (longer.length <= MAX_BAGGAGE_BYTES) text = longer;
  }
  return text;
}

function baggageEntries(text: string): Record<string, BaggageEntry> {
  const entries: Record<string, BaggageEntry> = {};
  for (const part of text.split(',').slice(0, MAX_BAGGAGE_ENTRIES)) {
    const [pair = '', ...metadata] = part.split(';');
    const [key, value] = pair.split(/=(.*)/s).map((one) => decoded(one.trim()));
    if (!key || value === undefined) continue;
    const more = metadata.join(';');
    entries[key] =
      more === '' ? { value } : { value, metadata: baggageEntryMetadataFromString(more) };
  }
  return entries;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
