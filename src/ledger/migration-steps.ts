import { Kysely, Migrator, PostgresDialect, type Migration } from 'kysely';
import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { isLockTimeout, sqlState } from '../sql-errors.js';
import { tooNew } from './ledger-row.js';
import { createLedger } from './migrations/0001-ledger.js';

export interface MigrateOptions {
  readonly schema: string;
  /** Partitions of a new ledger; a ledger that exists keeps its own. */
  readonly partitions: number;
}

/** Takes the steps that the schema lacks, each in one transaction. Gives their names. */
export async function takeSteps(
  pool: pg.Pool,
  options: MigrateOptions,
): Promise<readonly string[]> {
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
