import type pg from 'pg';
import { LedgerError } from '../errors.js';
import { tablesOf } from './tables.js';

/** Newest schema this program knows. */
export const SCHEMA_VERSION = 3;
/** This program's place among programs: a schema that wants a higher one refuses us. */
export const PROGRAM_VERSION = 2;

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
