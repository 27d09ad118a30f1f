import type pg from 'pg';
import { PROGRAM_VERSION, readLedger, SCHEMA_VERSION, tooNew } from './ledger-row.js';
import type { MigrateOptions } from './migration-steps.js';

/**
 * Brings the schema up to date: numbered steps, forward only, each in one transaction, and safe
 * when several processes start at once (they wait for one another). A schema that is newer than
 * this program, but lets it in, is left as it is.
 */
export async function migrate(pool: pg.Pool, options: MigrateOptions): Promise<readonly string[]> {
  const found = await readLedger(pool, options.schema);
  if (found !== undefined && found.oldest_program > PROGRAM_VERSION) throw tooNew(options.schema);
  if (found !== undefined && found.schema_version >= SCHEMA_VERSION) return [];
  // Loaded only here: most processes find the schema as it should be.
  const { takeSteps } = await import('./migration-steps.js');
  return takeSteps(pool, options);
}
