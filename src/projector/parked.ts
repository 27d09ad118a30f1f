import type { Store } from '../ledger/store.js';

/** The jobs that each of these builds has parked. */
export async function readParked(
  store: Store,
  builds: readonly number[],
): Promise<Map<number, Set<string>>> {
  const { rows } = await store.database.pool.query<{ build: number; job_id: string }>({
    text: `select build, job_id from unnest($1::int[]) wanted(id)
      cross join lateral (select build, job_id from ${store.tables.parked} where build = wanted.id offset 0) p`,
    values: [builds],
  });
  const parked = new Map(builds.map((build) => [build, new Set<string>()]));
  for (const { build, job_id: jobId } of rows) parked.get(build)!.add(jobId);
  return parked;
}
