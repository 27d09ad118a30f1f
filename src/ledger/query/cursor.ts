import { toInstant } from '../../job/instant.js';
import { isUuid } from '../ids.js';
import type { RowKey } from './read-model.js';

/** How far somebody has come through the jobs of a filter. */
export type Place =
  /** In the read model. */
  | ({ readonly in: 'jobs' } & RowKey)
  /** Among the jobs as they were at an instant, by when their stay in a state began. */
  | ({ readonly in: 'stays'; readonly asOf: string } & RowKey)
  /** Among the jobs that wait or run. */
  | { readonly in: 'lines'; readonly id: string }
  /** Among the events of a partition, from its end. */
  | { readonly in: 'log'; readonly partition: number; readonly position: number };

/** A place as text that goes with one filter only. */
export function encodeCursor(digest: string, place: Place): string {
  return Buffer.from(JSON.stringify([digest, place])).toString('base64url');
}

/** The place that a cursor names, or one line that says why it names none. */
export function readCursor(digest: string, cursor: unknown): Place | { readonly problem: string } {
  const [of, place] = parsed(cursor) ?? [];
  if (!isPlace(place)) return { problem: 'cursor: expected the cursor of a page before' };
  if (of === digest) return place;
  return { problem: 'cursor: expected one of this filter, got one of another' };
}

function parsed(cursor: unknown): readonly unknown[] | undefined {
  if (typeof cursor !== 'string' || cursor.length > 1_000) return undefined;
  try {
    const value: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString());
    return Array.isArray(value) ? (value as unknown[]) : undefined;
  } catch {
    return undefined;
  }
}

/** A cursor is a stranger's text until it has been looked at. */
function isPlace(value: unknown): value is Place {
  if (typeof value !== 'object' || value === null) return false;
  const place = value as {
    readonly [N in 'in' | 'at' | 'asOf' | 'id' | 'partition' | 'position']?: unknown;
  };
  if (place.in === 'stays' && !('instant' in toInstant('asOf', place.asOf))) return false;
  if (place.in === 'jobs' || place.in === 'stays')
    return isUuid(place.id) && 'instant' in toInstant('at', place.at);
  if (place.in === 'lines') return isUuid(place.id);
  return place.in === 'log' && isIndex(place.partition) && isIndex(place.position);
}

function isIndex(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
