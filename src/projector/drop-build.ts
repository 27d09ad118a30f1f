import type pg from 'pg';
import type { Store } from '../ledger/store.js';
import { isLockTimeout, isRetryableConflict, sqlState } from '../sql-errors.js';
import { inTransaction } from './in-transaction.js';
import { tableOf } from './projection-tables.js';
import type { BuildPlace } from './swap.js';

type Doomed = Pick<BuildPlace, 'id' | 'table_name'>;

/**
 * Keeps everybody from a build's table. To be taken before the lock on the build's row: a writer has
 * the table, from the beginning of its statement, when it asks for the row.
 */
export async function lockTable(
  store: Store,
  client: pg.ClientBase,
  build: Pick<BuildPlace, 'table_name'>,
): Promise<void> {
  const table = tableOf(store, { tableName: build.table_name });
  const { rows } = await client.query<{ there: boolean }>(
    `select to_regclass($1) is not null as there`,
    [table],
  );
  if (rows[0]!.there) await client.query(`lock table ${table} in access exclusive mode`);
}

/** Drops a build's table and everything known of it. Nothing may show it; `lockTable` comes first. */
export async function dropBuild(store: Store, client: pg.ClientBase, build: Doomed): Promise<void> {
  await client.query(`drop table if exists ${tableOf(store, { tableName: build.table_name })}`);
  await client.query(`delete from ${store.tables.projections} where id = $1`, [build.id]);
}

/**
 * Drops builds whose place a later build of the same version has taken, of these projections. Apart
 * from the swap: who reads the old table yet would keep the new one from being shown.
 */
export async function dropSuperseded(store: Store, names: readonly string[]): Promise<void> {
  const { projections } = store.tables;
  const { rows } = await store.database.pool.query<Doomed>({
    text: `select id, table_name from ${projections} p where name = any($1) and state = 'retired'
      and exists (select from ${projections} o where o.name = p.name and o.version = p.version
        and o.state = 'live' and o.id > p.id)`,
    values: [names],
  });
  for (const doomed of rows) await dropUnread(store, doomed);
}

/** A reader who keeps the table costs another try; so does what others have built on it. */
async function dropUnread(store: Store, doomed: Doomed): Promise<void> {
  try {
    await inTransaction(store, async (client) => {
      await client.query(`set local lock_timeout = 100`);
      await lockTable(store, client, doomed);
      await dropBuild(store, client, doomed);
    });
  } catch (error) {
    const isKept =
      isLockTimeout(error) || isRetryableConflict(error) || sqlState(error) === '2BP01';
    if (!isKept) throw error;
  }
}
