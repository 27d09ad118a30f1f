import type pg from 'pg';
import type { Projection } from '../api-projector.js';
import { LedgerError } from '../errors.js';
import type { Store } from '../ledger/store.js';
import { dropBuild } from './drop-build.js';
import { makeBuild, refuseOtherColumns, tableOf, viewOf } from './projection-tables.js';
import { showBuild } from './show-build.js';
import type { BuildPlace } from './swap.js';

/**
 * Makes the first build of a version, unless it has one. What somebody has dropped by hand is made
 * again: a table and its build anew, a view at once. The caller holds the lock of those who make
 * builds. Gives the build's id if it made one.
 */
export async function prepareBuild(
  store: Store,
  client: pg.ClientBase,
  projection: Projection,
): Promise<number | undefined> {
  await refuseName(store, client, projection);
  const whole: Found[] = [];
  for (const found of await findBuilds(store, client, projection)) {
    if (found.has_table)
      await refuseOtherColumns(client, tableOf(store, { tableName: found.table_name }), projection);
    if (found.has_table && found.checkpoints === store.partitions) whole.push(found);
    // Readers keep what they see until there is something better.
    else if (!found.has_table || found.state !== 'live') await dropBuild(store, client, found);
  }
  const live = whole.find(({ state }) => state === 'live');
  if (live?.has_view === false) await showBuild(store, client, live);
  return whole.length === 0 ? makeBuild(store, client, projection) : undefined;
}

interface Found extends Pick<BuildPlace, 'id' | 'name' | 'table_name' | 'shown' | 'state'> {
  readonly has_table: boolean;
  readonly has_view: boolean;
  readonly checkpoints: number;
}

async function findBuilds(
  store: Store,
  client: pg.ClientBase,
  { name, version }: Projection,
): Promise<readonly Found[]> {
  const { projections, checkpoints, schema } = store.tables;
  const { rows } = await client.query<Found>(
    `select id, name, table_name, shown, state, to_regclass($4) is not null as has_view,
        to_regclass(format('%I.%I', $3::text, table_name)) is not null as has_table,
        (select count(*)::int from ${checkpoints} where build = p.id) as checkpoints
      from ${projections} p where name = $1 and version = $2`,
    [name, version, schema, viewOf(store, name)],
  );
  return rows;
}

/** Tables, indexes and views share their names. */
async function refuseName(store: Store, client: pg.ClientBase, { name }: Projection) {
  const view = viewOf(store, name);
  const { rowCount } = await client.query(
    `select from pg_class where oid = to_regclass($1) and relkind <> 'v'`,
    [view],
  );
  if (rowCount === 0) return;
  throw new LedgerError('BAD_CONFIG', `projection ${name}: name: there is a table ${view} already`);
}

/** Whether a version lacks what `prepareBuild` would make: somebody has dropped it by hand. */
export async function isLacking(
  store: Store,
  projections: readonly Projection[],
): Promise<boolean> {
  const { rowCount } = await store.database.pool.query({
    text: `select from unnest($1::text[], $2::int[]) wanted(name, version)
        left join ${store.tables.projections} p on p.name = wanted.name and p.version = wanted.version
      where not exists (select from ${store.tables.projections} o where o.name = wanted.name)
        or to_regclass(format('%I.%I', $3::text, table_name)) is null and p.id is not null
        or p.state = 'live' and to_regclass(format('%I.%I', $3::text, replace(p.name, '-', '_'))) is null
      limit 1`,
    values: [
      projections.map(({ name }) => name),
      projections.map(({ version }) => version),
      store.tables.schema,
    ],
  });
  return rowCount !== 0;
}
