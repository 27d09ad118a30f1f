import pg from 'pg';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createDatabase as openPool, endDatabase, type Database } from '../../src/database.js';
import { Notifier } from '../../src/ledger/notifier.js';
import type { Wake } from '../../src/ledger/signals.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';

let site: TestDatabase;
let database: Database;
let listener: pg.Client;
let heard: { wake: Wake; at: number }[] = [];

beforeAll(async () => {
  site = await createDatabase();
  database = openPool(site.config, { pooler: false, maxConnections: 5 });
  listener = new pg.Client(site.config);
  await listener.connect();
  await listener.query('listen rooster');
  listener.on('notification', ({ payload }) => {
    heard.push({ wake: JSON.parse(payload!) as Wake, at: performance.now() });
  });
});

afterAll(async () => {
  await listener.end();
  await endDatabase(database);
  await site.drop();
});

const ready = (partition: number, queue = 'default'): Wake => ({ what: 'ready', partition, queue });

it('sends a lone wake at once, and those that follow closely together, each once', async () => {
  heard = [];
  const notifier = new Notifier(database, 'rooster');
  expect(notifier.take([ready(1)]).now).toHaveLength(1);
  expect(notifier.take([ready(2)])).toEqual({ now: [], later: [ready(2)] });
  for (const partition of [2, 3, 2, 3]) notifier.send(ready(partition));
  await eventually(() => expect(heard.map(({ wake }) => wake)).toEqual([ready(2), ready(3)]));
  await notifier.flush();
});

it('holds a wake for one queue back behind none for another', async () => {
  const notifier = new Notifier(database, 'rooster');
  expect(notifier.take([ready(1, 'a'), ready(1, 'b')]).now).toHaveLength(1);
  expect(notifier.take([ready(2, 'a'), ready(2, 'c')]).later).toEqual([ready(2, 'a')]);
  await notifier.flush();
});

it('sends what it holds back when it is told to', async () => {
  heard = [];
  const notifier = new Notifier(database, 'rooster');
  notifier.send(ready(1));
  notifier.send(ready(2));
  await notifier.flush();
  await eventually(() => expect(heard.map(({ wake }) => wake)).toEqual([ready(1), ready(2)]));
});
