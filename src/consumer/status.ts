import type { ConsumerPosition } from '../api-consumer.js';
import type { Group } from './group.js';
import { readPlaces } from './positions.js';
import type { Source } from './source.js';

/** How far a group has come, by partition. */
export async function statusOf(group: Group, source: Source): Promise<readonly ConsumerPosition[]> {
  // Positions first: a lag is never less than it was.
  const places = await readPlaces(group.database.pool, group);
  const heads = await source.heads();
  return places.map(({ partition, epoch, position, parked, trouble }) => {
    const lagEvents = Math.max(0, (heads.get(partition) ?? 0) - position);
    return { partition, epoch, position, lagEvents, parked, trouble };
  });
}
