import type { LedgerSite } from '../support/ledger.js';
import type { TopicRecord } from './whole-topic.js';

type Row = Readonly<Record<'id' | 'partition' | 'key' | 'value' | 'at' | 'ms', string>> &
  Readonly<Record<'version' | 'type' | 'schema' | 'kind' | 'queue' | 'meta' | 'ledger', string>> &
  Readonly<Record<'traceparent' | 'tracestate', string | null>>;

/**
 * What a topic has to hold by the documented contract, by partition: told by one statement of SQL and
 * nothing of the relay's.
 */
export async function expectedRecords(
  site: LedgerSite,
  partitions: number,
): Promise<readonly (readonly TopicRecord[])[]> {
  const rows = await site.ask<Row>(
    `select partition || '/' || position as id, partition::text, stream_id::text as key,
        data::text as value, version::text, type::text, schema_version::text as schema, kind, queue,
        meta::text, meta ->> 'traceparent' as traceparent, meta ->> 'tracestate' as tracestate,
        to_char(recorded_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at,
        floor(extract(epoch from recorded_at) * 1000)::bigint::text as ms,
        (select '/jobledger/' || id || '/' || epoch from jobledger.ledger) as ledger
      from jobledger.events e order by e.partition, e.position`,
  );
  const found: TopicRecord[][] = Array.from({ length: partitions }, () => []);
  for (const row of rows) found[Number(row.partition)]!.push(toRecord(row));
  return found;
}

function toRecord(row: Row): TopicRecord {
  return {
    ...{ key: row.key, value: row.value, timestampMs: Number(row.ms) },
    headers: {
      ce_specversion: '1.0',
      ce_id: row.id,
      ce_source: row.ledger,
      ce_type: row.type,
      ce_subject: row.key,
      ce_time: row.at,
      'content-type': 'application/json',
      jl_version: row.version,
      jl_schema_version: row.schema,
      jl_kind: row.kind,
      jl_queue: row.queue,
      jl_meta: row.meta,
      ...(row.traceparent !== null && { traceparent: row.traceparent }),
      ...(row.tracestate !== null && { tracestate: row.tracestate }),
    },
  };
}
