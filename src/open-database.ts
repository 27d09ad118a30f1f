import type { LedgerSettings } from './config.js';
import { createDatabase, endDatabase, type Database } from './database.js';
import { openEmbedded, type EmbeddedServer } from './embedded/embedded.js';

/** A database's connections, and how to leave it as it was. */
export interface Connection {
  readonly database: Database;
  /** The server, where it is our own. */
  readonly embedded: EmbeddedServer | undefined;
  readonly leave: () => Promise<void>;
}

/** Connects to a database by its settings; an embedded one is started if it does not run. */
export async function connect(
  settings: Pick<LedgerSettings, 'database' | 'pooler' | 'maxConnections'>,
): Promise<Connection> {
  const where = settings.database;
  const embedded = 'embedded' in where ? await openEmbedded({ folder: where.embedded }) : undefined;
  const config = 'config' in where ? where.config : embedded!.config;
  const database = createDatabase(config, settings);
  const leave = async () => {
    await endDatabase(database).catch(() => {});
    await embedded?.close();
  };
  return { database, embedded, leave };
}
