import type { Store } from '../../ledger/store.js';

/** How long a leader stays in office without renewing, in seconds. */
const TERM_S = 3;

/** Renewed and ended by the heartbeat's thread, which sees whether the main loop still turns. */
export function leadershipStatements(store: Store): {
  renewLeadership: string;
  endLeadership: string;
} {
  const { leaders } = store.tables;
  return {
    renewLeadership: `update ${leaders} set expires_at = clock_timestamp() + interval '${TERM_S} s' where worker = $1`,
    endLeadership: `delete from ${leaders} where worker = $1`,
  };
}

/**
 * Takes or keeps the lead of promoter, mover and reaper. One process leads, so that their work is
 * done once; that two lead for a moment is harmless, since each step holds the partition's lock and
 * checks the rows it changes.
 */
export async function lead(store: Store, worker: number): Promise<boolean> {
  const { leaders } = store.tables;
  const result = await store.database.pool.query<{ worker: number }>({
    ...(store.database.pooler ? {} : { name: 'jl_lead' }),
    text: `insert into ${leaders}(role, worker, token, expires_at)
      values ('maintenance', $1, 1, clock_timestamp() + interval '${TERM_S} s')
      on conflict (role) do update set worker = excluded.worker, token = ${leaders}.token + 1,
        expires_at = excluded.expires_at
        where ${leaders}.expires_at < clock_timestamp() or ${leaders}.worker = excluded.worker
      returning worker`,
    values: [worker],
  });
  return result.rows.length > 0;
}

/** Makes room for another leader at once. */
export async function resign(store: Store, worker: number): Promise<void> {
  await store.database.pool.query({
    text: leadershipStatements(store).endLeadership,
    values: [worker],
  });
}
