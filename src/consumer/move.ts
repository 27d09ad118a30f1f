import type { ConsumeFrom, EpochReset } from '../api-consumer.js';
import { within } from '../database.js';
import type { Group } from './group.js';
import { countParked, movePlaces, readPlaces, type StoredPlace } from './positions.js';
import { deleteParkedBehind } from './parked.js';
import type { Point, Source } from './source.js';

/** What is needed to move positions by hand. */
export interface Moving {
  readonly group: Group;
  readonly source: Source;
  readonly partitions: number;
}

/** Moves all partitions, or those that are named, to other points. */
export async function moveTo({ group, source }: Moving, to: ConsumeFrom): Promise<void> {
  const points = await source.pointsAt(to);
  const isNamed = (partition: number) =>
    typeof to === 'string' || 'at' in to || Object.hasOwn(to.positions, partition);
  await move(group, () => new Map([...points].filter(([partition]) => isNamed(partition))));
}

/** Takes partitions that stand before a new epoch to where it begins. */
export async function resetEpochs({ group }: Moving): Promise<readonly EpochReset[]> {
  const done: EpochReset[] = [];
  await move(group, (places) => {
    const points = new Map<number, Point>();
    for (const { partition, position, begins } of places) {
      if (begins === undefined) continue;
      const { epoch, position: start } = begins;
      points.set(partition, { epoch, position: start - 1, resumeAt: null });
      done.push({ partition, epoch, start, position });
    }
    return points;
  });
  return done;
}

/** All members wait until it is done; then they go elsewhere, since `round` is another one. */
async function move(
  group: Group,
  choose: (places: readonly StoredPlace[]) => ReadonlyMap<number, Point>,
): Promise<void> {
  await within(group.database, 'begin isolation level read committed', async (client) => {
    const points = choose(await readPlaces(client, group, { lock: true }));
    await movePlaces(client, group, points);
    for (const [partition, { position }] of points) {
      await deleteParkedBehind(client, group, partition, position);
      await countParked(client, group, partition);
    }
  });
}
