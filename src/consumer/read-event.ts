import type { RecordedEvent } from '../job/events.js';
import type { EventText } from '../kafka/record.js';
import { toEvent } from '../ledger/read.js';

/** An event as handlers see it, in the newest version of its type. Field by field: it is the hot path. */
export function readEvent(event: EventText): RecordedEvent {
  return toEvent({
    partition: event.partition,
    position: event.position,
    stream_id: event.streamId,
    version: event.version,
    type: event.type,
    schema_version: event.schemaVersion,
    kind: event.kind,
    queue: event.queue,
    data: JSON.parse(event.data),
    meta: event.meta === '{}' ? NOTHING : JSON.parse(event.meta),
    recorded_at: event.recordedAt,
  });
}

const NOTHING = Object.freeze({});
