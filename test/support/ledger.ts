import pg from 'pg';
import { afterAll, afterEach } from 'vitest';
import { openLedger, type Ledger, type LedgerOptions } from 'jobledger';
import { moveInbox } from '../../src/ledger/inbox/move-inbox.js';
import type { Store } from '../../src/ledger/store.js';
import { createDatabase as openDatabase, endDatabase } from '../../src/database.js';
import { openStore } from '../../src/ledger/open-store.js';
import { createDatabase, type TestDatabase } from './database.js';

/** A database of one test file with what its tests need at hand. */
export interface LedgerSite {
  readonly database: TestDatabase;
  /** Opens a ledger, which is closed when the test ends. */
  open(options?: LedgerOptions): Promise<Ledger>;
  /** One statement on a connection of the file's own. */
  ask<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** A new connection, ended when the test ends. */
  connect(): Promise<pg.Client>;
  /** Everything in the inbox goes into the ledger, as movers would do. */
  move(schema?: string): Promise<void>;
  /** A store on a pool of its own, ended when the test ends. */
  store(schema?: string): Promise<Store>;
}

/** Makes a migrated database (an empty one if told); call it once, at the top of a test file. */
export async function ledgerSite(options: { empty?: boolean } = {}): Promise<LedgerSite> {
  const database = await createDatabase(options);
  const own = await connected(database.url);
  const endings: (() => Promise<unknown>)[] = [];
  const endAll = () => Promise.all(endings.splice(0).map((end) => end()));
  afterEach(async () => void (await endAll()));
  afterAll(async () => {
    await own.end();
    await database.drop();
  });
  const store = async (schema = 'jobledger'): Promise<Store> => {
    const opened = openDatabase(database.config, { pooler: false, maxConnections: 4 });
    endings.push(() => endDatabase(opened));
    return openStore(opened, { schema, log: SILENT, clockShiftMs: () => 0 });
  };
  return {
    database,
    open: async (given = {}) => {
      const ledger = await openLedger({ database: database.url, logger: false, ...given });
      endings.push(() => ledger.close());
      return ledger;
    },
    ask: async <T extends pg.QueryResultRow>(text: string, values?: unknown[]) =>
      (await own.query<T>(text, values)).rows,
    connect: async () => {
      const client = await connected(database.url);
      endings.push(() => client.end().catch(() => undefined));
      return client;
    },
    move: async (schema = 'jobledger') => {
      const opened = openDatabase(database.config, { pooler: false, maxConnections: 4 });
      try {
        const mover = await openStore(opened, { schema, log: SILENT, clockShiftMs: () => 0 });
        await moveInbox(mover, 0, true);
      } finally {
        await endDatabase(opened);
      }
    },
    store,
  };
}

async function connected(url: string): Promise<pg.Client> {
  const client = new pg.Client(url);
  client.on('error', () => undefined); // some tests end it from outside
  await client.connect();
  return client;
}

const nothing = (): void => undefined;
export const SILENT = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  child: () => SILENT,
};
