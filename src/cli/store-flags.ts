import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { checkedUrl, EMBEDDED_FOLDER, readEnvironment } from '../config.js';
import type { DatabaseOption, Ledger, LedgerOptions } from '../index.js';
import { cliLog } from './cli-log.js';
import { badInput } from './parse.js';
import { warn } from './print.js';

/** Options that every command has. */
export interface StoreFlags {
  readonly database?: string;
  readonly data?: string;
  readonly schema?: string;
  readonly pooler?: boolean;
  readonly json?: boolean;
}

export function addStoreFlags(program: Command): void {
  program
    .optionsGroup('Options of every command:')
    .option('--database <url>', 'Postgres to use; else DATABASE_URL, else the embedded one')
    .option('--data <folder>', `folder of the embedded Postgres (default: ${EMBEDDED_FOLDER})`)
    .option('--schema <name>', 'schema of the ledger (default: jobledger)')
    .option('--pooler', 'the database is behind a transaction pooler')
    .option('--json', 'answer in JSON');
}

/** Ledger options as the flags and the environment have them. */
export function ledgerOptions(flags: StoreFlags): LedgerOptions {
  return {
    database: databaseOf(flags),
    schema: flags.schema,
    pooler: flags.pooler,
    logger: cliLog({ json: flags.json === true, level: logLevel('warn') }),
  };
}

/** The level that `JOBLEDGER_LOG_LEVEL` sets, or else the given one. */
export function logLevel(fallback: string): string {
  const { logLevel: level = fallback } = readEnvironment();
  if (['debug', 'info', 'warn', 'error', 'silent'].includes(level)) return level;
  throw badInput(
    `JOBLEDGER_LOG_LEVEL: expected debug, info, warn, error or silent, got ${JSON.stringify(level)}`,
  );
}

/** Opens the ledger, uses it, and closes it whatever happens, also when the user interrupts. */
export async function withLedger<T>(
  flags: StoreFlags,
  use: (ledger: Ledger) => Promise<T>,
  options: LedgerOptions = {},
): Promise<T> {
  const ledger = await openWith({ ...ledgerOptions(flags), ...options });
  const interrupted = (signal: NodeJS.Signals): void => {
    setTimeout(() => process.exit(exitCodeAfter(signal)), CLOSE_MS);
    void ledger.close().finally(() => process.exit(exitCodeAfter(signal)));
  };
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  try {
    return await use(ledger);
  } finally {
    await ledger.close();
    process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  }
}

/** Loaded only here: the library, its driver included, is most of what a command takes to start. */
export async function openWith(options: LedgerOptions): Promise<Ledger> {
  const { openLedger } = await import('../index.js');
  return openLedger(options);
}

/** A shell's way to say which signal ended a process. */
export function exitCodeAfter(signal: NodeJS.Signals): number {
  return signal === 'SIGINT' ? 130 : 143;
}

const CLOSE_MS = 5_000;

function databaseOf(flags: StoreFlags): DatabaseOption {
  const { databaseUrl } = readEnvironment();
  if (flags.database !== undefined && flags.data !== undefined) {
    throw badInput('--database, --data: expected one of them, not both');
  }
  if (flags.database !== undefined) return checkedUrl(flags.database, '--database');
  if (flags.data !== undefined) return embedded(flags.data, '--data');
  if (databaseUrl !== undefined) return checkedUrl(databaseUrl, 'DATABASE_URL');
  return embedded(EMBEDDED_FOLDER, 'database');
}

/** A new database that nobody asked for by name is worth a line: the folder may be the wrong one. */
function embedded(folder: string, field: string): DatabaseOption {
  if (folder.trim() === '')
    throw badInput(`${field}: expected the path of a folder, got blank text`);
  if (!existsSync(folder)) warn(`making a new embedded database in ${folder}`);
  return { embedded: folder };
}
