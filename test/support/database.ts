import type pg from 'pg';
import { inject } from 'vitest';
import { onServer, withDatabase } from './postgres.js';

/** A database of one test's own. */
export interface TestDatabase {
  readonly url: string;
  readonly config: pg.ClientConfig;
  /** Ends its connections and drops it. */
  drop(): Promise<void>;
}

let created = 0;

/** A fresh, migrated database on the run's server; `empty: true` gives one without any migration. */
export async function createDatabase(options: { empty?: boolean } = {}): Promise<TestDatabase> {
  const serverUrl = inject('serverUrl');
  const template = options.empty ? 'template0' : inject('templateDatabase');
  created += 1;
  const name = `jobledger_test_${process.pid}_${created}_${Date.now().toString(36)}`;
  await onServer(serverUrl, `create database ${name} template ${template}`);
  const url = withDatabase(serverUrl, name);
  return {
    url,
    config: { connectionString: url },
    drop: () => onServer(serverUrl, `drop database if exists ${name} with (force)`),
  };
}
