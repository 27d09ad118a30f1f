import { ROOT_CONTEXT, SpanKind, SpanStatusCode, type Span } from '@opentelemetry/api';
import type { RecordedEvent } from '../job/events.js';
import { ATTRIBUTES as A } from '../telemetry.js';
import { linkTo } from '../trace/attempt.js';
import { spanContextOf, tracer } from '../tracing.js';

/** One batch in so many has a span: a rebuild has very many, and they are all alike. */
const ONE_IN = 100;
const MOST_LINKS = 4;

/** Told of the events that a batch reads. */
export type Observe = (events: readonly RecordedEvent[]) => void;

/** Makes a span of one batch in a hundred, the first included, with links to what wrote its events. */
export class FoldSpans {
  #batches = 0;

  async around<T>(
    { partition, readModels }: { readonly partition: number; readonly readModels: string },
    fold: (observe?: Observe) => Promise<T>,
  ): Promise<T> {
    if (this.#batches++ % ONE_IN !== 0) return fold();
    const attributes = { [A.readModels.name]: readModels, [A.partition.name]: String(partition) };
    const options = { kind: SpanKind.INTERNAL, attributes };
    const span = tracer()?.startSpan('fold', options, ROOT_CONTEXT);
    if (span === undefined) return fold();
    try {
      return await fold(observer(span));
    } catch (error) {
      const { name, message } = error instanceof Error ? error : new Error(String(error));
      span.setAttribute(A.errorType.name, name);
      span.setStatus({ code: SpanStatusCode.ERROR, message });
      throw error;
    } finally {
      span.end();
    }
  }
}

function observer(span: Span): Observe {
  let [seen, links] = [0, 0];
  return (events) => {
    span.setAttribute(A.events.name, (seen += events.length));
    for (const { meta } of events) {
      const writer = links < MOST_LINKS ? spanContextOf(meta) : undefined;
      if (writer === undefined) continue;
      span.addLink(linkTo(writer, 'event'));
      links += 1;
    }
  };
}
