import type { Database } from '../database.js';
import { LedgerError } from '../errors.js';
import type { Log } from '../job/define.js';
import { asStoreError } from '../sql-errors.js';
import { PROGRAM_VERSION, readLedger, SCHEMA_VERSION, tooNew } from './ledger-row.js';
import { readRole } from './role.js';
import type { Store } from './store.js';
import { tablesOf } from './tables.js';
import { Notifier } from './notifier.js';
import { Signals } from './signals.js';
import { Transitions } from './transitions.js';

/** Refuses, in one line, a server that cannot hold a ledger. */
export async function checkServer(database: Database): Promise<void> {
  const result = await database.pool
    .query<ServerFacts>({
      text: `select version() as version, current_setting('server_version_num')::int as number,
        pg_is_in_recovery() as standby, current_setting('transaction_read_only') as read_only,
        current_setting('synchronous_commit') as synchronous_commit`,
    })
    .catch((error: unknown) => {
      throw asStoreError(error);
    });
  const facts = result.rows[0]!;
  if (
    !facts.version.startsWith('PostgreSQL') ||
    /-YB-|Cockroach|Redshift|Greenplum/i.test(facts.version)
  ) {
    throw new LedgerError(
      'BAD_SERVER',
      `database: expected PostgreSQL, got ${facts.version.slice(0, 60)}`,
    );
  }
  if (facts.number < 150_000) {
    throw new LedgerError(
      'BAD_SERVER',
      `database: expected PostgreSQL 15 or later, got ${facts.version.slice(0, 30)}`,
    );
  }
  if (facts.standby || facts.read_only === 'on') {
    throw new LedgerError(
      'STORE_READ_ONLY',
      'database: the server is a standby or the session is read-only',
    );
  }
  if (facts.synchronous_commit === 'off') {
    throw new LedgerError(
      'BAD_SERVER',
      'database: synchronous_commit is off, which loses acknowledged jobs in a crash; set it to on for this role or database',
    );
  }
}

interface ServerFacts {
  readonly version: string;
  readonly number: number;
  readonly standby: boolean;
  readonly read_only: string;
  readonly synchronous_commit: string;
}

export interface StoreOptions {
  readonly schema: string;
  readonly log: Log;
  readonly clockShiftMs: () => number;
}

/** Opens the ledger of a schema; refuses one that was never migrated, or by a newer program. */
export async function openStore(database: Database, options: StoreOptions): Promise<Store> {
  const tables = tablesOf(options.schema);
  const row = await readLedger(database.pool, options.schema);
  if (row === undefined) throw notMigrated(options.schema);
  if (row.oldest_program > PROGRAM_VERSION) throw tooNew(options.schema);
  if (row.schema_version < SCHEMA_VERSION) throw notMigrated(options.schema);
  const channel = `jobledger_${row.id.replaceAll('-', '')}`;
  return {
    database,
    tables,
    ledgerId: row.id,
    partitions: row.partitions,
    role: { now: await readRole(database.pool, options.schema) },
    lockSpace: Buffer.from(row.id.slice(0, 8), 'hex').readInt32BE(),
    channel,
    signals: new Signals(),
    notifier: new Notifier(database, channel),
    transitions: new Transitions(options.log),
    log: options.log,
    clockShiftMs: options.clockShiftMs,
  };
}

function notMigrated(schema: string): LedgerError {
  return new LedgerError(
    'NOT_MIGRATED',
    `database: it has no current ledger in schema ${JSON.stringify(schema)}; run 'jobledger migrate', or open it with { migrate: true }`,
  );
}
