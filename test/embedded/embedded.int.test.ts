import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventually } from '../support/eventually.js';
import { ask, lockHolders, open, serverPid, testSite } from './site.js';

test('a first opening gives a database in UTF-8 and UTC', async () => {
  const server = await open(await testSite({ fresh: true }));
  const rows = await ask(
    server.url,
    `select current_database() as name, current_setting('server_encoding') as encoding,
       current_setting('TimeZone') as zone, datcollate as collation
     from pg_database where datname = current_database()`,
  );
  expect(rows).toEqual([{ name: 'jobledger', encoding: 'UTF8', zone: 'UTC', collation: 'C' }]);
});

test('commits are durable unless a test asks for speed', async () => {
  const server = await open(await testSite(), { fast: false });
  const rows = await ask(
    server.url,
    `select name, setting from pg_settings
     where name in ('fsync', 'full_page_writes', 'synchronous_commit') order by name`,
  );
  expect(rows).toEqual([
    { name: 'fsync', setting: 'on' },
    { name: 'full_page_writes', setting: 'on' },
    { name: 'synchronous_commit', setting: 'on' },
  ]);
});

test('closing stops the server, and opening again finds the data', async () => {
  const folder = await testSite();
  const first = await open(folder);
  await ask(first.url, 'create table kept(a int)');
  await first.close();
  expect(await serverPid(folder)).toBeUndefined();
  const second = await open(folder);
  await expect(ask(second.url, 'table kept')).resolves.toEqual([]);
});

test('closing twice is harmless', async () => {
  const server = await open(await testSite());
  await Promise.all([server.close(), server.close()]);
  await expect(server.close()).resolves.toBeUndefined();
});

test('a handle that closes leaves the server to the others', async () => {
  const folder = await testSite();
  const [one, two] = await Promise.all([open(folder), open(folder)]);
  await one.close();
  await expect(ask(two.url, 'select')).resolves.toEqual([{}]);
  await two.close();
  expect(await serverPid(folder)).toBeUndefined();
});

test('of handles that close at once the last one stops the server', async () => {
  const folder = await testSite();
  const handles = await Promise.all([open(folder), open(folder), open(folder)]);
  await Promise.all(handles.map((handle) => handle.close()));
  expect(await serverPid(folder)).toBeUndefined();
});

test('a handle whose connection was cut still keeps the server running', async () => {
  const folder = await testSite();
  const [cut, other] = [await open(folder), await open(folder)];
  await ask(
    cut.url,
    `select pg_terminate_backend(pid) from pg_stat_activity
     where application_name like 'jobledger embedded %'`,
  );
  await eventually(async () => (await lockHolders(cut.url)) === 2);
  await other.close();
  await expect(ask(cut.url, 'select')).resolves.toEqual([{}]);
});

test('a killed server is started again under the same address', async () => {
  const folder = await testSite();
  const server = await open(folder);
  await ask(server.url, 'create table kept(a int)');
  const killed = await serverPid(folder);
  process.kill(killed ?? 0, 'SIGKILL');
  await eventually(async () => (await serverPid(folder)) !== killed);
  const rows = await eventually(() => ask(server.url, 'table kept'));
  expect(rows).toEqual([]);
  await server.close();
  expect(await serverPid(folder)).toBeUndefined();
});

test('a handle can be closed while its server is dead', async () => {
  const folder = await testSite();
  const server = await open(folder);
  process.kill((await serverPid(folder)) ?? 0, 'SIGKILL');
  await server.close();
  await expect(ask(server.url, 'select')).rejects.toThrow();
});

test.runIf(process.platform === 'linux')(
  'a lock file whose process number now belongs to something else does not stop the start',
  async () => {
    const folder = await testSite();
    const lock = join(folder, 'postgres', 'postmaster.pid');
    const first = await open(folder);
    await copyFile(lock, join(folder, 'lock'));
    await first.close();
    const text = await readFile(join(folder, 'lock'), 'utf8');
    await writeFile(lock, text.replace(/^\d+/, String(process.pid)));
    const second = await open(folder);
    await expect(ask(second.url, 'select')).resolves.toEqual([{}]);
  },
);

test.skipIf(process.platform === 'win32')(
  'a path too long for a socket is no obstacle',
  async () => {
    const folder = await testSite({ name: `it's, a "path" ${'x'.repeat(80)}` });
    const server = await open(folder);
    await expect(ask(server.url, 'select')).resolves.toEqual([{}]);
    await server.close();
  },
);
