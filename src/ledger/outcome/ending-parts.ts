import { isLocked, type Store } from '../store.js';

/** Parts of the statements that end attempts; `held` is what each calls the leases that it ends. */

/** The worker, unless it is dead or has ended: what it holds is then somebody else's to decide. */
export function alive(store: Store, worker: string): string {
  return `alive as materialized (
  select id from ${store.tables.workers}
  where id = ${worker} and dead_at is null and ended_at is null and ${isLocked})`;
}

/** Frees the keys of those jobs, of the ones that may hold any, that have now ended. */
export function freedKeys(store: Store, holders: string, ended: string): string {
  return `freed as (
  delete from ${store.tables.uniqueKeys} where job_id = any(${holders}::uuid[]) and scope = 'active'
    and job_id = any(array(select job_id from held
      where cardinality(${holders}::uuid[]) > 0 and ${ended})))`;
}

/** Indexes of the input without a lease of this worker's; looked for only if there are any. */
export function missed(ids: string): string {
  return `case when (select count(*) from held) = cardinality(${ids}::uuid[]) then '{}' else array(
    select ord - 1 from generate_series(1, cardinality(${ids}::uuid[])) ord
    where ord not in (select ord from held)) end`;
}
