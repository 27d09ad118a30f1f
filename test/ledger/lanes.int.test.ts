import pg from 'pg';
import { expect, inject, test } from 'vitest';
import { createDatabase, endDatabase } from '../../src/database.js';
import { Lane } from '../../src/lane.js';
import { openStore } from '../../src/ledger/open-store.js';
import { tryPartition } from '../../src/ledger/try-partition.js';
import { isConnectionError } from '../../src/sql-errors.js';
import * as support from '../support/database.js';
import { ledgerSite, SILENT } from '../support/ledger.js';
import { startProxy } from '../support/proxy.js';
import { onServer } from '../support/postgres.js';

const site = await ledgerSite();

test('transactions of one process never find a partition locked by each other', async () => {
  const { database, store } = await open();
  expect(database.lanes).toHaveLength(3);
  const slow = [{ text: 'select pg_sleep(0.02)', values: [] }];
  // The first goes to the lane of quiet times, those behind it would go elsewhere.
  for (const partition of [1, 2, 5]) {
    const tries = [1, 2, 3].map(() => tryPartition(store, partition, slow));
    for (const results of await Promise.all(tries)) expect(results).toHaveLength(1);
  }
  await endDatabase(database);
});

test('a lane that was refused a connection asks for another the next time', async () => {
  const database = await support.createDatabase({ empty: true });
  const { url } = database;
  await database.drop();
  const pool = new pg.Pool({ connectionString: url });
  const lane = new Lane(pool);
  const answer = () => lane.use(0, (client) => client.query('select 1 as one'));
  await expect(answer()).rejects.toMatchObject({ code: '3D000' });
  await onServer(inject('serverUrl'), `create database ${new pg.Client(url).database!}`);
  await expect(answer()).resolves.toMatchObject({ rows: [{ one: 1 }] });
  lane.end();
  await pool.end();
  await database.drop();
});

test('a server that falls silent is given up, and the next transaction has another connection', async () => {
  const proxy = await startProxy(site.database.url);
  const pool = new pg.Pool({ connectionString: proxy.url });
  pool.on('error', () => undefined);
  pool.on('connect', (client) => client.on('error', () => undefined));
  const lane = new Lane(pool, 500);
  // A slow answer is no silence as long as something comes; nor is having nothing to say.
  await lane.use(0, (client) => client.query('select pg_sleep(0.3)'));
  await pool.query('select pg_sleep(0.8)');
  const deaf = proxy.stopReadingAfter('never answered');
  const silent = lane.use(0, (client) => client.query(`select 'never answered'`));
  await deaf;
  const refused = await silent.catch((error: unknown) => error);
  expect(isConnectionError(refused)).toBe(true);
  const again = await lane.use(0, (client) => client.query('select 1 as one'));
  expect(again.rows).toEqual([{ one: 1 }]);
  lane.end();
  await pool.end();
});

test('lanes that are in use when the ledger closes keep it no longer than that', async () => {
  const { database, store } = await open();
  await tryPartition(store, 1, []);
  const slow = tryPartition(store, 1, [{ text: 'select pg_sleep(0.2)', values: [] }]);
  const ended = endDatabase(database);
  await expect(slow).resolves.toHaveLength(1);
  await ended;
}, 10_000);

async function open() {
  const database = createDatabase(site.database.config, { pooler: false, maxConnections: 10 });
  const options = { schema: 'jobledger', log: SILENT, clockShiftMs: () => 0 };
  return { database, store: await openStore(database, options) };
}
