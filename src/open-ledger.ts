import type { Ledger, LedgerOptions } from './api.js';
import { ledgerSettings } from './config.js';
import { LedgerError } from './errors.js';
import type { JobContract } from './job/define.js';
import { migrate } from './ledger/migrate.js';
import { checkServer, openStore } from './ledger/open-store.js';
import { logOf } from './log.js';
import { asStoreError } from './sql-errors.js';
import { connect } from './open-database.js';
import { LedgerHandle } from './open-handle.js';
import { optionProblems } from './open-options.js';

/**
 * Opens a ledger. With nothing said it runs on an embedded Postgres in `./.jobledger`, which is
 * started, migrated, and stopped again when its last user closes; on a database given by URL
 * nothing runs DDL unless told. Throws LedgerError: `BAD_CONFIG`, `BAD_DATABASE_URL`,
 * `NOT_MIGRATED`, `DATABASE_TOO_NEW`, `BAD_SERVER`, `STORE_UNREACHABLE` and others, in one line. An
 * opening that fails leaves nothing behind.
 *
 * @example
 * await using ledger = await openLedger({ jobs: [sendEmail] });
 * const { id } = await ledger.enqueue(sendEmail, { to: 'ada@example.org', template: 'welcome' });
 * console.log(await ledger.get(id));
 */
export async function openLedger(options: LedgerOptions = {}): Promise<Ledger> {
  const settings = ledgerSettings(options, optionProblems(options));
  const kinds = kindsOf(options.jobs);
  const { database, embedded, leave } = await connect(settings);
  try {
    await checkServer(database);
    if (settings.migrate) await migrate(database.pool, settings);
    const store = await openStore(database, {
      schema: settings.schema,
      log: await logOf(options.logger),
      clockShiftMs: options.clockShiftMs ?? (() => 0),
    });
    return new LedgerHandle(store, settings, kinds, embedded);
  } catch (error) {
    await leave();
    throw asStoreError(error);
  }
}

/** Brings a database's schema up to date without opening it. Gives the names of the steps taken. */
export async function migrateDatabase(options: LedgerOptions): Promise<readonly string[]> {
  const settings = ledgerSettings(options, optionProblems(options));
  const { database, leave } = await connect(settings);
  try {
    await checkServer(database);
    return await migrate(database.pool, settings);
  } catch (error) {
    throw asStoreError(error);
  } finally {
    await leave();
  }
}

function kindsOf(
  jobs: readonly JobContract[] | undefined,
): ReadonlyMap<string, JobContract> | undefined {
  if (jobs === undefined) return undefined;
  const kinds = new Map<string, JobContract>();
  for (const job of jobs) {
    if (kinds.has(job.kind)) {
      throw new LedgerError(
        'DUPLICATE_KIND',
        `jobs: kind ${JSON.stringify(job.kind)} is there twice`,
      );
    }
    kinds.set(job.kind, job);
  }
  return kinds;
}
