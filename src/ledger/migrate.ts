import { Migrator, PostgresDialect, Kysely, type Migration } from 'kysely';
import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { isLockTimeout, sqlState } from '../sql-errors.js';
import { createLedger } from './migrations/0001-ledger.js';
import { tablesOf } from './tables.js';

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
 * when several processes start at once (they wait for one another). A schema that is newer than
 * this program, but lets it in, is left as it is.
 */
export async function migrate(pool: pg.Pool, options: MigrateOptions): Promise<readonly string[]> {
  const found = await readLedger(pool, options.schema);
  if (found !== undefined && found.oldest_program > PROGRAM_VERSION) throw tooNew(options.schema);
  if (found !== undefined && found.schema_version >= SCHEMA_VERSION) return [];
  const migrator = new Migrator({
    db: new Kysely<unknown>({ dialect: new PostgresDialect({ pool: unclosable(pool) }) }),
    provider: { getMigrations: () => Promise.resolve(migrations(options)) },
    migrationTableSchema: options.schema,
  });
  for (let round = 1; ; round++) {
    const { error, results } = await migrator.migrateToLatest();
    if (error === undefined) return (results ?? []).map((result) => result.migrationName);
    // Our sessions wait two seconds for a lock; another process may migrate for longer.
    if (!isLockTimeout(error) || round === MAX_ROUNDS) throw asLedgerError(error, options.schema);
  }
}

const MAX_ROUNDS = 60;

/** What the ledger's own row says. */
export interface LedgerRow {
  readonly id: string;
  readonly partitions: number;
  readonly schema_version: number;
  readonly oldest_program: number;
}

/** The ledger's own row; undefined in a schema that has no ledger. */
export async function readLedger(pool: pg.Pool, schema: string): Promise<LedgerRow | undefined> {
  const { ledger } = tablesOf(schema);
  const found = await pool.query<{ present: boolean }>({
    text: 'select to_regclass($1) is not null as present',
    values: [ledger],
  });
  if (found.rows[0]?.present !== true) return undefined;
  const result = await pool.query<LedgerRow>(
    `select id, partitions, schema_version, oldest_program from ${ledger}`,
  );
  return result.rows[0];
}

/** The error for a schema that only newer programs may use. */
export function tooNew(schema: string): LedgerError {
  return new LedgerError(
    'DATABASE_TOO_NEW',
    `database: its schema ${JSON.stringify(schema)} needs a newer jobledger than this one; update this program`,
  );
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

function asLedgerError(error: unknown, schema: string): unknown {
  if (error instanceof Error && /previously executed migration .* is missing/.test(error.message))
    return tooNew(schema);
  if (sqlState(error) === '42501') {
    return new LedgerError(
      'BAD_SERVER',
      `database: this role may not migrate schema ${JSON.stringify(schema)}: ${(error as Error).message}`,
      { cause: error },
    );
  }
  return error;
}
