import type { Store } from './store.js';

/** Nobody of ours holds a partition this long: who does has lost his client or his way. */
const PATIENCE_S = 5;

/**
 * Ends the session that has held a partition's lock for more than five seconds, so that one stuck
 * client cannot stop a partition for ever. Needs the rights of `pg_signal_backend`, or the holder's
 * own role; without them the holder stays. Gives whether a session was ended.
 */
export async function terminateHolder(store: Store, partition: number): Promise<boolean> {
  const result = await store.database.pool.query<{ pid: number; ended: boolean }>({
    text: `select a.pid, pg_terminate_backend(a.pid) as ended from pg_locks l join pg_stat_activity a using (pid)
      where l.locktype = 'advisory' and l.granted and l.objsubid = 2
        and l.database = (select oid from pg_database where datname = current_database())
        and l.classid = $1::int8::oid and l.objid = $2::int8::oid
        and a.pid <> pg_backend_pid() and a.xact_start < clock_timestamp() - interval '${PATIENCE_S} s'`,
    values: [store.lockSpace >>> 0, partition],
  });
  for (const { pid } of result.rows) {
    store.log.warn(
      { code: 'LOCK_HOLDER', partition, pid },
      'a session that held a partition for too long was ended',
    );
  }
  return result.rows.some((row) => row.ended);
}
