import { iso, perPartition, type Store } from '../ledger/store.js';
import type { EventText } from './record.js';

/** Events as texts, and the epoch that the ledger is in. */
export interface Texts {
  readonly events: readonly EventText[];
  /** Undefined if there are no events. */
  readonly epoch: number | undefined;
}

/** The events of a partition from a position on, in order, and in one look with them the epoch. */
export async function readTexts(
  store: Store,
  partition: number,
  from: number,
  limit: number,
): Promise<Texts> {
  const { rows } = await store.database.pool.query<string[]>({
    text: textOf(store, partition),
    values: [from, limit],
    rowMode: 'array',
    types: AS_TEXT,
  });
  const epoch = rows[0]?.[10];
  return {
    events: rows.map((row) => toText(partition, row)),
    epoch: epoch === undefined ? undefined : Number(epoch),
  };
}

const textOf = perPartition(
  (
    store,
    partition,
  ) => `select position, stream_id, version, type::text, schema_version, kind, queue,
      data::text, meta::text, ${iso('recorded_at')}, (select epoch from ${store.tables.ledger})
    from ${store.tables.eventsOf(partition)}
    where partition = ${partition} and position >= $1 order by position limit $2`,
);

function toText(partition: number, row: readonly string[]): EventText {
  return {
    partition,
    position: Number(row[0]),
    streamId: row[1]!,
    version: Number(row[2]),
    type: row[3]!,
    schemaVersion: Number(row[4]),
    kind: row[5]!,
    queue: row[6]!,
    data: row[7]!,
    meta: row[8]!,
    recordedAt: row[9]!,
  };
}

const AS_TEXT = { getTypeParser: () => (value: string) => value };
