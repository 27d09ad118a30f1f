import type { Store } from '../ledger/store.js';
import type { Projection } from '../api-projector.js';

/** How long a projector that says nothing keeps a projection, in seconds. */
const LEASE_S = 15;

/** A projector's right to write a version, and what the version is. */
export interface Lease {
  readonly fence: number;
  readonly state: 'building' | 'live' | 'retired';
}

/**
 * Takes or keeps a version. Each change of hands raises the fence, which every write checks under a
 * lock on this row: who has lost it writes nothing more.
 */
export async function takeLease(
  store: Store,
  { name, version }: Projection,
  owner: string,
): Promise<Lease | undefined> {
  const { projections } = store.tables;
  const { rows } = await store.database.pool.query<Lease>({
    text: `update ${projections} set owner = $3::uuid, lease_until = clock_timestamp() + interval '${LEASE_S} s',
        fence = fence + (owner is distinct from $3::uuid)::int
      where name = $1 and version = $2
        and (owner is not distinct from $3::uuid or lease_until is null or lease_until < clock_timestamp())
      returning fence, state`,
    values: [name, version, owner],
  });
  return rows[0];
}

/** Gives everything back at once. */
export async function dropLeases(store: Store, owner: string): Promise<void> {
  await store.database.pool.query({
    text: `update ${store.tables.projections} set owner = null, lease_until = null, fence = fence + 1
      where owner = $1::uuid`,
    values: [owner],
  });
}
