import { rowsOf, timeText, type Ask } from './rows.js';

/** An event as the checker sees it: without payloads, results, errors, which it does not judge. */
export interface LoggedEvent {
  readonly partition: number;
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly type: string;
  /** Which form `data` has. */
  readonly form: number;
  readonly kind: string;
  readonly queue: string;
  readonly tenant: string;
  /** When it was recorded: text that sorts by time. */
  readonly at: string;
  readonly data: EventData;
  readonly hasPayload: boolean;
}

/** The fields of `data` that the checker judges; any may be missing where an event is damaged. */
export interface EventData {
  readonly attempt?: number;
  readonly worker?: number;
  readonly claim?: number;
  readonly priority?: number;
  readonly maxAttempts?: number;
  readonly extraAttempts?: number;
  readonly to?: number | string;
  readonly from?: string;
  readonly runAt?: string;
  readonly ending?: string;
  readonly hasError?: boolean;
  readonly unique?: { readonly key: string; readonly scope: unknown };
  readonly decision?: { readonly action?: string; readonly reason?: string };
}

/** The events of a partition in the order of their positions. */
export async function* readEvents(
  ask: Ask,
  schema: string,
  partition: number,
): AsyncGenerator<LoggedEvent> {
  const text = `select position::text, stream_id::text, version::text, type::text,
      schema_version::text as form, kind, queue,
      coalesce(meta->>'tenant', '') as tenant, ${timeText('recorded_at')} as at,
      (data - array['payload', 'result', 'error', 'metadata', 'note'])::text as data,
      (data ? 'payload')::text as has_payload, (data ? 'error')::text as has_error
    from ${schema}.events e where partition = ${partition} order by e.position`;
  for await (const row of rowsOf(ask, text)) {
    yield {
      partition,
      position: Number(row['position']),
      stream: row['stream_id']!,
      version: Number(row['version']),
      type: row['type']!,
      form: Number(row['form']),
      kind: row['kind']!,
      queue: row['queue']!,
      tenant: row['tenant']!,
      at: row['at']!,
      data: { ...(JSON.parse(row['data']!) as EventData), hasError: row['has_error'] === 'true' },
      hasPayload: row['has_payload'] === 'true',
    };
  }
}
