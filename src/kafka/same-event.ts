import type { EventText } from './record.js';

/** What two events differ in, by the names of their columns; undefined if they are the same. */
export function eventDifference(one: EventText, other: EventText): string | undefined {
  const differing = COMPARED.filter(([field]) => one[field] !== other[field]);
  return differing.length === 0 ? undefined : differing.map(([, name]) => name).join(', ');
}

const COMPARED = [
  ['position', 'position'],
  ['streamId', 'stream_id'],
  ['version', 'version'],
  ['type', 'type'],
  ['schemaVersion', 'schema_version'],
  ['kind', 'kind'],
  ['queue', 'queue'],
  ['recordedAt', 'recorded_at'],
  ['meta', 'meta'],
  ['data', 'data'],
] as const satisfies readonly (readonly [keyof EventText, string])[];
