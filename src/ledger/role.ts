import type pg from 'pg';
import { LedgerError } from '../errors.js';
import type { Role, Store } from './store.js';
import { tablesOf } from './tables.js';

/** Reads the role from the ledger's own row. */
export async function readRole(pool: pg.Pool, schema: string): Promise<Role> {
  const { rows } = await pool.query<{ role: Role }>(`select role from ${tablesOf(schema).ledger}`);
  return rows[0]!.role;
}

/**
 * Throws `LEDGER_IS_MIRROR` for what only a primary does. Asks the store only if it was a mirror when
 * it was asked last: it may have been made a primary. One that is made a mirror meanwhile takes no
 * events any more, whoever sends them; see `become-mirror.ts`.
 */
export async function refuseMirror(store: Store, what: string): Promise<void> {
  if (!(await isMirror(store))) return;
  throw new LedgerError(
    'LEDGER_IS_MIRROR',
    `${what}: this ledger is a mirror, filled from its topic: write to the primary, or make this the primary by 'jobledger mirror --promote'`,
  );
}

/** True for a mirror; see `refuseMirror`. */
export async function isMirror({ role, database, tables }: Store): Promise<boolean> {
  if (role.now === 'primary') return false;
  role.now = await readRole(database.pool, tables.schema);
  return role.now === 'mirror';
}
