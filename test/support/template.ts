import { migrateDatabase } from '../../src/open-ledger.js';

/**
 * Migrates the database that every test database is a copy of. Runs once per test run, before the
 * first test; must leave no connection open, or the template cannot be copied.
 */
export async function prepareTemplate(databaseUrl: string): Promise<void> {
  await migrateDatabase({ database: databaseUrl });
}
