import type { RecordedEvent } from '../job/events.js';
import type { Projection, Row } from '../api-projector.js';

/** Rows by key; undefined for one that is not there. */
export type Rows = Map<string, { readonly key: Row; readonly row: Row | undefined }>;

/** What these events concern, in order, with the keys of the rows. */
export interface Concern {
  readonly event: RecordedEvent;
  readonly keys: readonly Row[];
}

/** The events that a projection hears, with the rows that each concerns. */
export function concernsOf(projection: Projection, events: readonly RecordedEvent[]): Concern[] {
  return events
    .filter((event) => projection.hears(event.type))
    .map((event) => ({ event, keys: projection.rowsOf(event) }))
    .filter(({ keys }) => keys.length > 0);
}

/** Every row that is concerned, once. */
export function keysOf(projection: Projection, concerns: readonly Concern[]): Map<string, Row> {
  const keys = new Map<string, Row>();
  for (const concern of concerns)
    for (const key of concern.keys) keys.set(keyText(projection, key), key);
  return keys;
}

/** The rows after these events, of which `before` are those that stood there. */
export function foldBatch(
  projection: Projection,
  concerns: readonly Concern[],
  before: ReadonlyMap<string, Row>,
): Rows {
  const rows: Rows = new Map();
  for (const { event, keys } of concerns)
    for (const key of keys) {
      const text = keyText(projection, key);
      const found = rows.get(text);
      const row = found === undefined ? before.get(text) : found.row;
      rows.set(text, { key, row: projection.fold(row, event, key) });
    }
  return rows;
}

/** A key as text, the same for the same key. */
export function keyText({ key }: Projection, row: Row): string {
  return key.length === 1 ? String(row[key[0]!]) : JSON.stringify(key.map((name) => row[name]));
}
