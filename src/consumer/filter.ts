import type { ConsumerOptions } from '../api-consumer.js';
import type { EventText } from '../kafka/record.js';

/** Which events the handler is called for: those that fit every list that is given. */
export function filterOf({
  types,
  kinds,
  queues,
}: Pick<ConsumerOptions, 'types' | 'kinds' | 'queues'>): (event: EventText) => boolean {
  if (types === undefined && kinds === undefined && queues === undefined) return () => true;
  const [ofType, ofKind, inQueue] = [types, kinds, queues].map((names) => names && new Set(names));
  return ({ type, kind, queue }) =>
    ofType?.has(type) !== false && ofKind?.has(kind) !== false && inQueue?.has(queue) !== false;
}
