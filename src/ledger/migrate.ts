import { Migrator, PostgresDialect, Kysely, type Migration } from 'kysely';
import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { createLedger } from './migrations/0001-ledger.js';

/** Newest schema this program knows. */
export const SCHEMA_VERSION = 1;
/** This program's place among programs: a schema that wants a higher one refuses us. */
export const PROGRAM_VERSION = 1;

export interface MigrateOptions {
  readonly schema: string;
  /** Partitions of a new ledger; a ledger that exists keeps its own. */
  readonly partitions: number;
}

/**
 * Brings the schema up to date: numbered steps, forward only, each in one transaction, and safe
 * when several processes start at once (they wait for one another).
 */
export async function migrate(pool: pg.Pool, options: MigrateOptions): Promise<readonly string[]> {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool: unclosable(pool) }) });
  const migrator = new Migrator({
    db,
    provider: { getMigrations: () => Promise.resolve(migrations(options)) },
    migrationTableSchema: options.schema,
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw asLedgerError(error);
  return (results ?? []).map((result) => result.migrationName);
}

function migrations(options: MigrateOptions): Record<string, Migration> {
  return {
    '0001-ledger': { up: (db) => createLedger(db, options.schema, options.partitions) },
  };
}

/** Kysely ends the pool it was given with itself; this one belongs to the ledger. */
function unclosable(pool: pg.Pool): {
  connect: () => Promise<pg.PoolClient>;
  end: () => Promise<void>;
} {
  return { connect: () => pool.connect(), end: () => Promise.resolve() };
}

function asLedgerError(error: unknown): unknown {
  if (error instanceof Error && /previously executed migration .* is missing/.test(error.message)) {
    return new LedgerError(
      'DATABASE_TOO_NEW',
      'database: it was migrated by a newer jobledger than this one; update this program',
      { cause: error },
    );
  }
  return error;
}
