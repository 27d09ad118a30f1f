import pg from 'pg';
import { expect, test } from 'vitest';
import { createDatabase } from './database.js';

test('a test database is UTF-8, and gone once dropped', async () => {
  const database = await createDatabase();
  const client = new pg.Client(database.config);
  await client.connect();
  const shown = await client.query('show server_encoding');
  await client.end();
  expect(shown.rows).toEqual([{ server_encoding: 'UTF8' }]);
  await database.drop();
  await expect(new pg.Client(database.url).connect()).rejects.toMatchObject({ code: '3D000' });
});

test('two test databases of one file share nothing', async () => {
  const [one, two] = await Promise.all([createDatabase(), createDatabase({ empty: true })]);
  const client = new pg.Client(one.url);
  await client.connect();
  await client.query('create table only_here(a int)');
  await client.end();
  const other = new pg.Client(two.url);
  await other.connect();
  await expect(other.query('select from only_here')).rejects.toMatchObject({ code: '42P01' });
  await other.end();
  await Promise.all([one.drop(), two.drop()]);
});
