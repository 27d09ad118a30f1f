import {
  Kysely,
  Migrator,
  PostgresAdapter,
  PostgresDialect,
  type Migration,
  type PostgresPool,
  type PostgresPoolClient,
} from 'kysely';
import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { isConnectionError, isLockTimeout, sqlState } from '../sql-errors.js';
import { tooNew } from './ledger-row.js';
import { createLedger } from './migrations/0001-ledger.js';
import { createProjections } from './migrations/0002-projections.js';
import { createPublications } from './migrations/0003-publications.js';

export interface MigrateOptions {
  readonly schema: string;
  /** Partitions of a new ledger; a ledger that exists keeps its own. */
  readonly partitions: number;
}

/** Steps by their names, which sort in the order of taking them. */
export type Steps = Record<string, Migration>;

/**
 * Takes the steps that the schema lacks, all in one transaction, in which those who migrate at once
 * wait for one another. Gives their names.
 */
export async function takeSteps(
  pool: pg.Pool,
  options: MigrateOptions,
  wanted: Steps = migrations(options),
): Promise<readonly string[]> {
  for (let round = 1; ; round++) {
    try {
      return await locked(pool, (client) => steps(client, options.schema, wanted));
    } catch (error) {
      // Our sessions wait two seconds for a lock; another process may migrate for longer.
      if (!isLockTimeout(error) || round === MAX_ROUNDS) throw asLedgerError(error, options.schema);
    }
  }
}

/**
 * The lock goes with the transaction. Kysely's own is the session's: a transaction pooler would give
 * it to one session, the steps to another, and leave it held for ever.
 */
async function locked<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  let failure: unknown;
  try {
    await client.query(`begin isolation level read committed; set local lock_timeout = '2s'`);
    await client.query(`select pg_advisory_xact_lock(${MIGRATION_LOCK})`);
    const value = await work(client);
    await client.query('commit');
    return value;
  } catch (error) {
    failure = error;
    await client.query('rollback').catch(() => {});
    throw error;
  } finally {
    client.release(isConnectionError(failure) ? (failure as Error) : undefined);
  }
}

/** The one that Kysely takes. */
const MIGRATION_LOCK = '3853314791062309107';

async function steps(
  client: pg.PoolClient,
  schema: string,
  wanted: Steps,
): Promise<readonly string[]> {
  // What fails after the first error fails because of it, and Kysely would tell of the last.
  let first: unknown;
  const pool = poolOf(client, (error) => (first ??= error));
  const migrator = new Migrator({
    db: new Kysely<unknown>({ dialect: new InTransaction({ pool }) }),
    provider: { getMigrations: () => Promise.resolve(wanted) },
    migrationTableSchema: schema,
    disableTransactions: true,
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error !== undefined) throw first ?? error;
  return (results ?? []).map((result) => result.migrationName);
}

/** Transaction and lock are ours. */
class InTransaction extends PostgresDialect {
  override createAdapter(): PostgresAdapter {
    return Object.assign(new PostgresAdapter(), {
      acquireMigrationLock: () => Promise.resolve(),
      releaseMigrationLock: () => Promise.resolve(),
    });
  }
}

const MAX_ROUNDS = 60;

function migrations(options: MigrateOptions): Steps {
  return {
    '0001-ledger': { up: (db) => createLedger(db, options.schema, options.partitions) },
    '0002-projections': { up: (db) => createProjections(db, options.schema) },
    '0003-publications': { up: (db) => createPublications(db, options.schema) },
  };
}

/** What Kysely takes for a pool: this one connection, which it neither gives back nor ends. */
function poolOf(client: pg.PoolClient, failed: (error: unknown) => void): PostgresPool {
  const query = ((text: string, values: unknown[]) =>
    client.query(text, values).catch((error: unknown) => {
      failed(error);
      throw error;
    })) as unknown as PostgresPoolClient['query'];
  const kept: PostgresPoolClient = { query, release: () => undefined };
  return { connect: () => Promise.resolve(kept), end: () => Promise.resolve() };
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
