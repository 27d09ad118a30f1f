import type { Attributes, Link, SpanContext } from '@opentelemetry/api';
import type { EventMeta } from '../job/events.js';
import { ATTRIBUTES as A, SYSTEM, type LinkKind } from '../telemetry.js';

/** What is known of an attempt when it begins. */
export interface AttemptFacts {
  readonly jobId: string;
  readonly kind: string;
  readonly queue: string;
  readonly partition: number;
  readonly attempt: number;
  readonly worker: number;
  readonly meta: EventMeta;
}

/** The attributes that an attempt's span has from its beginning. Of every attempt: plain, for speed. */
export function attemptAttributes(of: AttemptFacts): Attributes {
  const { correlationId } = of.meta;
  const attributes: Attributes = {
    [A.system.name]: SYSTEM,
    [A.operationName.name]: 'process',
    [A.operationType.name]: 'process',
    [A.destination.name]: of.queue,
    [A.partition.name]: String(of.partition),
    [A.messageId.name]: of.jobId,
    [A.kind.name]: of.kind,
    [A.attempt.name]: of.attempt,
    [A.worker.name]: of.worker,
  };
  if (correlationId !== undefined) attributes[A.conversationId.name] = correlationId;
  return attributes;
}

/** The links of an attempt's span: to its enqueue, and to the latest attempt that failed or was lost. */
export function attemptLinks(
  enqueue: SpanContext | undefined,
  previous: { readonly span: SpanContext; readonly attempt: number } | undefined,
): Link[] {
  const links: Link[] = [];
  if (enqueue !== undefined) links.push(linkTo(enqueue, 'enqueue'));
  if (previous !== undefined)
    links.push(linkTo(previous.span, 'previous-attempt', { [A.attempt.name]: previous.attempt }));
  return links;
}

/** A link that says what it leads to. */
export function linkTo(span: SpanContext, kind: LinkKind, attributes: Attributes = {}): Link {
  return { context: span, attributes: { [A.link.name]: kind, ...attributes } };
}
