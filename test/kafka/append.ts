import { randomUUID } from 'node:crypto';
import type { LedgerSite } from '../support/ledger.js';

/** An event for a log; texts of JSON, because JavaScript's own numbers have lost digits already. */
export interface Appended {
  readonly data: string;
  readonly meta?: string;
  readonly kind?: string;
  readonly queue?: string;
}

/**
 * Appends events to a partition by SQL, each of a stream of its own: Postgres keeps texts that no
 * program of JavaScript could have written.
 */
export async function appendEvents(
  site: LedgerSite,
  partition: number,
  events: readonly Appended[],
): Promise<void> {
  for (const { data, meta = '{}', kind = 'kind', queue = 'default' } of events)
    await site.ask(
      `insert into jobledger.events(partition, position, stream_id, version, type, schema_version,
          kind, queue, data, meta, recorded_at)
        select $1::int, 1 + coalesce(max(position), 0), $2, 1, 'JobEnqueued', 1, $3, $4,
          $5::jsonb, $6::jsonb, clock_timestamp()
        from jobledger.events where partition = $1`,
      [partition, randomUUID(), kind, queue, data, meta],
    );
}
