import type { ParkedJob, ProjectionStatus } from '../api-projections.js';
import { snapshot } from '../database.js';
import { readAllHeads, readLagSeconds, type Query } from '../ledger/lag.js';
import { iso, type Store } from '../ledger/store.js';
import { quote } from '../ledger/tables.js';
import { viewName } from './projection.js';

/** Every build, or those of one projection, on one snapshot. */
export async function readStatus(store: Store, name?: string): Promise<ProjectionStatus[]> {
  return snapshot(store.database, async (query) => {
    const builds = await readRows(store, query, name);
    const heads = await readAllHeads(store, query);
    const of = heads.reduce((sum, head) => sum + head, 0);
    const statuses: ProjectionStatus[] = [];
    for (const { checkpoints, table_name: tableName, folded, ...row } of builds) {
      const events = checkpoints.reduce((sum, position) => sum + position, folded);
      const lagSeconds = events === of ? 0 : await readLagSeconds(store, query, checkpoints);
      const view = shown(store, viewName(row.name));
      const table = shown(store, tableName);
      statuses.push({ ...row, view, table, events, of, lagEvents: of - events, lagSeconds });
    }
    return statuses;
  });
}

/** As one would write it by hand. */
function shown(store: Store, name: string): string {
  return [store.tables.schema, name]
    .map((one) => (/^[a-z_][a-z0-9_]*$/.test(one) ? one : quote(one)))
    .join('.');
}

type BuildRow = Omit<
  ProjectionStatus,
  'view' | 'table' | 'events' | 'of' | 'lagEvents' | 'lagSeconds'
> & {
  readonly table_name: string;
  readonly checkpoints: readonly number[];
  /** Events of jobs that were folded whole, in partitions that are not done. */
  readonly folded: number;
};

async function readRows(store: Store, query: Query, name: string | undefined) {
  const { projections, checkpoints, parked } = store.tables;
  const { rows } = await query(
    `select name, version, id as build, state, table_name, held, trouble,
      paused_at is not null as paused, coalesce(lease_until > clock_timestamp(), false) as followed,
      (select count(*)::int from ${parked} where build = p.id) as parked,
      (select sum(folded)::float8 from ${checkpoints} where build = p.id) as folded,
      (select array_agg(position::float8 order by partition) from ${checkpoints} where build = p.id) as checkpoints
    from ${projections} p where $1::text is null or name = $1 order by name, version, id`,
    [name ?? null],
  );
  return rows as BuildRow[];
}

/** Jobs that builds leave out, oldest first. */
export async function readParkedJobs(store: Store, name?: string): Promise<ParkedJob[]> {
  const { parked, projections } = store.tables;
  const { rows } = await store.database.pool.query<ParkedJob>({
    text: `select name, version, build, job_id as "jobId", partition, position, event_type as "eventType",
        error, ${iso('parked_at')} as "parkedAt"
      from ${parked} p join ${projections} b on b.id = p.build
      where $1::text is null or name = $1 order by parked_at, build, partition, position`,
    values: [name ?? null],
  });
  return rows;
}
