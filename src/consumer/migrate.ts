import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { consumerTables } from './tables.js';

/** Makes a consumer's tables, or updates them. Gives the names of the steps taken. */
export async function migrateConsumers(pool: pg.Pool, schema: string): Promise<readonly string[]> {
  if (await isMigrated(pool, schema)) return [];
  // Loaded only here: most processes find the schema as it should be.
  const [{ takeSteps }, { createConsumerTables }] = await Promise.all([
    import('../ledger/migration-steps.js'),
    import('./create-tables.js'),
  ]);
  return takeSteps(
    pool,
    { schema, partitions: 0 },
    { '0001-consumers': { up: (db) => createConsumerTables(db, schema) } },
  );
}

/** Throws `NOT_MIGRATED` if the tables are not there. */
export async function checkMigrated(pool: pg.Pool, schema: string): Promise<void> {
  if (await isMigrated(pool, schema)) return;
  throw new LedgerError(
    'NOT_MIGRATED',
    `database: it has no tables for consumers in schema ${JSON.stringify(schema)}; run 'jobledger migrate --consumers', or consume with { migrate: true }`,
  );
}

async function isMigrated(pool: pg.Pool, schema: string): Promise<boolean> {
  const { rows } = await pool.query<{ present: boolean }>({
    text: 'select to_regclass($1) is not null as present',
    values: [consumerTables(schema).positions],
  });
  return rows[0]?.present === true;
}
