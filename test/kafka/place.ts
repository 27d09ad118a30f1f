import pg from 'pg';
import { migrateDatabase, openLedger, type Ledger, type LedgerOptions } from 'jobledger';
import { inject, onTestFinished } from 'vitest';
import { createDatabase } from '../support/database.js';
import { onServer, withDatabase } from '../support/postgres.js';

/** A database of a test's own that nobody is connected to, so that it can be copied as it stands. */
export interface Place {
  readonly url: string;
  /** One statement on a connection of its own. */
  ask<T extends pg.QueryResultRow>(text: string, values?: unknown[]): Promise<T[]>;
  /** Opens the ledger, closes it again. */
  use<T>(work: (ledger: Ledger) => Promise<T>, options?: LedgerOptions): Promise<T>;
  /** The database as it is now, as a server's backup or a lagging replica has it. */
  copy(): Promise<Place>;
}

let copies = 0;

/** A database without anything. */
export async function emptyPlace(): Promise<Place> {
  const database = await createDatabase({ empty: true });
  onTestFinished(() => database.drop());
  return placeAt(database.url);
}

/** A ledger of its own: those of the template that other tests copy have one id. */
export async function newPlace(partitions = 4): Promise<Place> {
  const place = await emptyPlace();
  await migrateDatabase({ database: place.url, partitions });
  return place;
}

function placeAt(url: string): Place {
  return {
    url,
    ask: async <T extends pg.QueryResultRow>(text: string, values: unknown[] = []) => {
      const client = new pg.Client(url);
      await client.connect();
      try {
        return (await client.query<T>(text, values)).rows;
      } finally {
        await client.end();
      }
    },
    use: async (work, given = {}) => {
      const ledger = await openLedger({ database: url, logger: false, ...given });
      try {
        return await work(ledger);
      } finally {
        await ledger.close();
      }
    },
    copy: () => copyOf(url),
  };
}

async function copyOf(url: string): Promise<Place> {
  const serverUrl = inject('serverUrl');
  const [row] = await placeAt(url).ask<{ name: string }>('select current_database() as name');
  const template = row!.name;
  copies += 1;
  const name = `${template}_copy_${copies}`;
  await onServer(serverUrl, `create database ${name} template ${template}`);
  onTestFinished(() => onServer(serverUrl, `drop database if exists ${name} with (force)`));
  return placeAt(withDatabase(serverUrl, name));
}
