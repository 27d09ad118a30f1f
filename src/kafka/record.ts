import type { KafkaRecord, NewRecord } from './client.js';

/** An event as its row has it: texts of JSON as Postgres prints them, since parsing loses digits. */
export interface EventText {
  readonly partition: number;
  readonly position: number;
  readonly streamId: string;
  readonly version: number;
  readonly type: string;
  readonly schemaVersion: number;
  readonly kind: string;
  readonly queue: string;
  readonly data: string;
  readonly meta: string;
  /** UTC, ISO 8601, microseconds. */
  readonly recordedAt: string;
}

/** Whose event a record is: a ledger's, in one of its epochs. */
export interface Origin {
  readonly ledgerId: string;
  readonly epoch: number;
}

/** A record of a ledger's topic, read. */
export interface Published {
  readonly origin: Origin;
  readonly event: EventText;
}

/**
 * An event as a record: CloudEvents 1.0 in the binary mode of its Kafka protocol binding, section 3.2
 * (attributes as headers with the prefix `ce_`, the data as the value, its type as `content-type`).
 * What else an event has are headers with the prefix `jl_`.
 */
export function toRecord(event: EventText, { ledgerId, epoch }: Origin): NewRecord {
  const { traceparent, tracestate } = traceOf(event.meta);
  return {
    key: event.streamId,
    value: event.data,
    timestampMs: Date.parse(event.recordedAt),
    headers: {
      ce_specversion: '1.0',
      ce_id: `${event.partition}/${event.position}`,
      ce_source: `/jobledger/${ledgerId}/${epoch}`,
      ce_type: event.type,
      ce_subject: event.streamId,
      ce_time: event.recordedAt,
      'content-type': 'application/json',
      jl_version: String(event.version),
      jl_schema_version: String(event.schemaVersion),
      jl_kind: event.kind,
      jl_queue: event.queue,
      jl_meta: event.meta,
      ...(traceparent !== undefined && { traceparent }),
      ...(tracestate !== undefined && { tracestate }),
    },
  };
}

/** Nearly every event after the first of a job has none: no JSON is parsed for those. */
function traceOf(meta: string): { readonly traceparent?: string; readonly tracestate?: string } {
  if (!meta.includes('"traceparent"')) return {};
  const { traceparent, tracestate } = JSON.parse(meta) as Record<string, unknown>;
  return {
    ...(typeof traceparent === 'string' && { traceparent }),
    ...(typeof tracestate === 'string' && { tracestate }),
  };
}

/** A record back as an event; one line of text if it is none of ours. */
export function fromRecord(record: KafkaRecord): Published | string {
  const header = (name: string) => record.headers.get(name) ?? '';
  const [, partition, position] = ID.exec(header('ce_id')) ?? [];
  const [, ledgerId, epoch] = SOURCE.exec(header('ce_source')) ?? [];
  if (position === undefined || ledgerId === undefined || record.value === null)
    return `record ${record.offset} is no event of a ledger: ce_id is ${JSON.stringify(header('ce_id'))}, ce_source is ${JSON.stringify(header('ce_source'))}`;
  return {
    origin: { ledgerId, epoch: Number(epoch) },
    event: {
      partition: Number(partition),
      position: Number(position),
      streamId: header('ce_subject'),
      version: Number(header('jl_version')),
      type: header('ce_type'),
      schemaVersion: Number(header('jl_schema_version')),
      kind: header('jl_kind'),
      queue: header('jl_queue'),
      data: record.value,
      meta: header('jl_meta'),
      recordedAt: header('ce_time'),
    },
  };
}

const ID = /^(\d{1,3})\/(\d{1,16})$/;
const SOURCE = /^\/jobledger\/([0-9a-f-]{36})\/(\d{1,9})$/;
