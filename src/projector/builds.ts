import type { Projection } from '../api-projector.js';
import type { Store } from '../ledger/store.js';

/** How long a projector that says nothing keeps a build, in seconds. */
const LEASE_S = 15;

/**
 * A build: one folding of a projection's version into a table of its own. Readers see the one that is
 * live; one that is building takes its place; retired ones are kept up to date for a rollback.
 */
export interface Build {
  readonly id: number;
  readonly projection: Projection;
  /** Unquoted, in the ledger's schema. */
  readonly tableName: string;
  readonly state: 'building' | 'live' | 'retired';
  /** An operator wants it to be served. */
  readonly wanted: boolean;
  /** What kept it from going on when it was taken. */
  readonly trouble: string | null;
  /** Whose right to write it is: every write checks both under a lock on the build's row. */
  readonly owner: string;
  readonly fence: number;
}

/** What was taken, and whether each lease of it is a new one. */
export interface Taken {
  readonly builds: readonly Build[];
  readonly isRenewed: boolean;
}

/**
 * Takes or keeps all builds of these projections that nobody else has and that are not paused. Each
 * change of hands raises the fence: who has lost a build writes nothing more. One that is being written
 * just now, or whose table somebody has dropped, nobody can take; if it is ours it stays so.
 */
export async function takeBuilds(
  store: Store,
  projections: readonly Projection[],
  owner: string,
): Promise<Taken> {
  const { rows } = await store.database.pool.query<BuildRow>({
    text: `with wanted as materialized (
        select id from ${store.tables.projections}
        where (name, version) in (select * from unnest($2::text[], $3::int[])) and paused_at is null
          and to_regclass(format('%I.%I', $4::text, table_name)) is not null),
      mine as materialized (
        select id from ${store.tables.projections} p
        where id in (select id from wanted) and paused_at is null
          and (owner is not distinct from $1::uuid or lease_until is null or lease_until < clock_timestamp())
        order by id for no key update skip locked),
      taken as (update ${store.tables.projections} p set owner = $1::uuid,
        lease_until = clock_timestamp() + interval '${LEASE_S} s',
        fence = fence + (owner is distinct from $1::uuid)::int
        from mine where p.id = mine.id
        returning ${BUILD})
      select *, true as renewed from taken union all
      select ${BUILD}, false from ${store.tables.projections} p
        where id in (select id from wanted except select id from mine) and owner = $1::uuid`,
    values: [...[owner, ...namesOf(projections)], store.tables.schema],
  });
  const builds = rows
    .sort((one, other) => one.id - other.id)
    .map(({ name, version, table_name: tableName, ...row }) => {
      const projection = projections.find((one) => one.name === name && one.version === version)!;
      return { ...row, projection, tableName, owner };
    });
  return { builds, isRenewed: rows.every(({ renewed }) => renewed) };
}

const BUILD = 'p.id, name, version, table_name, state, wanted, trouble, fence';

function namesOf(projections: readonly Projection[]): [string[], number[]] {
  return [projections.map(({ name }) => name), projections.map(({ version }) => version)];
}

/**
 * Builds whose owner has said nothing for long and that still are not to be had: a copy of his is
 * under way, and the server will wait for the rest of it as long as his connection stands.
 */
export async function readStuck(
  store: Store,
  projections: readonly Projection[],
): Promise<readonly number[]> {
  const { rows } = await store.database.pool.query<{ id: number }>({
    text: `select id from ${store.tables.projections}
      where (name, version) in (select * from unnest($1::text[], $2::int[])) and paused_at is null
        and lease_until < clock_timestamp() - interval '${LEASE_S} s'`,
    values: namesOf(projections),
  });
  return rows.map(({ id }) => id);
}

interface BuildRow {
  readonly id: number;
  readonly name: string;
  readonly version: number;
  readonly table_name: string;
  readonly state: Build['state'];
  readonly wanted: boolean;
  readonly trouble: string | null;
  readonly fence: number;
  readonly renewed: boolean;
}

/** The lock of whoever copies into a build; beyond the numbers of partitions and of \`PREPARING\`. */
export function copyLock(build: number): number {
  return 2_000 + build;
}

/** Gives everything back at once; tells whether there was anything. */
export async function dropLeases(store: Store, owner: string): Promise<boolean> {
  const { rowCount } = await store.database.pool.query({
    text: `update ${store.tables.projections} set owner = null, lease_until = null, fence = fence + 1
      where owner = $1::uuid`,
    values: [owner],
  });
  return (rowCount ?? 0) > 0;
}

/**
 * Whether the build is still ours to write, and not paused, for the rest of the statement or
 * transaction. The lock is shared and the take-over's is not: a successor waits for what is under way,
 * and what comes late finds another fence. `$1` is the build, `$2` the owner, `$3` the fence.
 */
export function heldBuild(store: Store): string {
  return `select from ${store.tables.projections}
    where id = $1 and owner = $2::uuid and fence = $3 and paused_at is null for share`;
}

/** Says once what keeps a build from going on, or that nothing does. */
export async function tellTrouble(
  store: Store,
  build: Build,
  trouble: string | null,
): Promise<boolean> {
  const { rowCount } = await store.database.pool.query({
    text: `update ${store.tables.projections} set trouble = $3
      where id = $1 and owner = $2::uuid and trouble is distinct from $3`,
    values: [build.id, build.owner, trouble],
  });
  return rowCount === 1;
}
