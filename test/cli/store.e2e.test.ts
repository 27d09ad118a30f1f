import { spawnSync } from 'node:child_process';
import { chown, mkdir, writeFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, inject, onTestFinished, test } from 'vitest';
import { cli, cliOn, errorOf, expectRefused } from '../support/cli.js';
import { createDatabase } from '../support/database.js';
import { dataHome, removeAfterFile } from '../support/folder.js';
import { onServer, withDatabase } from '../support/postgres.js';

const MAIN = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));
const NOBODY = 65_534;

test.each([
  ['a blank URL', ['--database', ' '], '--database: expected a Postgres URL, got blank text'],
  [
    'a foreign URL',
    ['--database', 'mysql://u@h/d'],
    '--database: expected postgres://…, got mysql://',
  ],
  ['a URL without a scheme', ['--database', 'here'], '--database: expected postgres://…, got text'],
  ['a blank folder', ['--data', ''], '--data: expected the path of a folder, got blank text'],
])('%s is bad input', async (_, args, text) => {
  expect(expectRefused(await cli(['stats', ...args]))).toContain(text);
});

test('a blank DATABASE_URL is an error, never a fall-back', async () => {
  const cwd = removeAfterFile(await dataHome());
  const answer = await cli(['stats'], { cwd, env: { DATABASE_URL: '' } });
  expect(expectRefused(answer)).toContain('DATABASE_URL: expected a Postgres URL, got blank text');
});

test('DATABASE_URL names the database, and --database wins over it', async () => {
  const database = await createDatabase({ empty: true });
  onTestFinished(() => database.drop());
  const migrated = await cli(['migrate'], { env: { DATABASE_URL: database.url } });
  expect(migrated).toMatchObject({ code: 0 });
  const answer = await cliOn(database.url).run(['stats'], {
    env: { DATABASE_URL: 'mysql://u@h/d' },
  });
  expect(answer).toMatchObject({ code: 0, errorLines: [] });
});

test('a database never migrated is refused with the way out, by schema', async () => {
  const database = await createDatabase({ empty: true });
  onTestFinished(() => database.drop());
  const on = cliOn(database.url);
  expect(expectRefused(await on.run(['stats']))).toContain("run 'jobledger migrate'");
  await on.run(['migrate', '--schema', `it's "mine"`]);
  await expect(on.json(['stats', '--schema', `it's "mine"`])).resolves.toMatchObject({
    enqueued: 0,
  });
  expect(expectRefused(await on.run(['stats']))).toContain('"jobledger"');
});

test('a database that needs a newer program is refused', async () => {
  const database = await createDatabase({ empty: true });
  onTestFinished(() => database.drop());
  const on = cliOn(database.url);
  await on.run(['migrate']);
  await onServer(database.url, 'update jobledger.ledger set oldest_program = 999');
  const answers = await Promise.all(['stats', 'migrate'].map((command) => on.run([command])));
  for (const answer of answers) {
    expect(expectRefused(answer)).toContain('needs a newer jobledger than this one');
  }
});

test('a server that cannot be reached is exit code 3', async () => {
  const url = `postgres://nobody@127.0.0.1:${await freePort()}/none`;
  for (const command of [['stats'], ['migrate'], ['enqueue', 'x', '--payload', '1']]) {
    const line = expectRefused(await cliOn(url).run(command), 3);
    expect(line).toContain('database: cannot be reached: connect ECONNREFUSED');
  }
  const asJson = await cliOn(url).run(['stats', '--json']);
  expect(asJson.code).toBe(3);
  expect(errorOf(asJson)).toMatchObject({ code: 'STORE_UNREACHABLE' });
  const check = await cliOn(url).run(['check']);
  expect(check).toMatchObject({ code: 3, errorLines: [] });
  expect(check.lines.at(-1)).toMatch(/^PROBLEM +database +database: cannot be reached/);
});

test('a refused login and a database that is not there are exit code 3', async () => {
  const stranger = inject('serverUrl').replace(/\/\/[^/]*@/, '//jobledger_nobody:wrong@');
  expect(expectRefused(await cliOn(stranger).run(['stats']), 3)).toContain(
    'database: login refused',
  );
  const nowhere = withDatabase(inject('serverUrl'), 'jobledger_nowhere');
  expect(expectRefused(await cliOn(nowhere).run(['stats']), 3)).toContain('"jobledger_nowhere"');
});

test('a server that speaks something else is exit code 3', async () => {
  const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expectRefused(await cliOn(`postgres://u@127.0.0.1:${port}/d`).run(['stats']), 3);
});

test('without any database named, an embedded one is made and migrates itself', async () => {
  const cwd = removeAfterFile(await dataHome());
  const enqueued = await cli(['enqueue', 'first', '--payload', '1'], { cwd });
  expect(enqueued).toMatchObject({
    code: 0,
    errorLines: ['jobledger: making a new embedded database in ./.jobledger'],
  });
  const shortId = enqueued.lines[0]?.split('  ')[1] ?? '';
  const again = await cli(['get', shortId, '--json', '--data', '.jobledger'], { cwd });
  expect(again).toMatchObject({ code: 0, errorLines: [] });
  expect(JSON.parse(again.lines[0] ?? '')).toMatchObject({ kind: 'first', state: 'available' });
});

test('a data folder of something else is refused and left alone', async () => {
  const folder = removeAfterFile(await dataHome());
  await writeFile(join(folder, 'thesis.txt'), 'mine');
  const line = expectRefused(await cli(['stats', '--data', folder]));
  expect(line).toContain('found "thesis.txt"');
});

test('a data folder that may not be written is refused', async (context) => {
  const folder = removeAfterFile(await dataHome());
  await mkdir(join(folder, 'data'), { mode: 0o500 });
  const asRoot = process.getuid?.() === 0;
  if (asRoot) await chown(folder, 0, 0);
  const user = asRoot ? { uid: NOBODY, gid: NOBODY } : {};
  const entered = spawnSync(process.execPath, [MAIN, '--version'], { ...user, cwd: '/' });
  context.skip(entered.status !== 0, 'another user may not enter the folder of this repository');
  const child = spawnSync(process.execPath, [MAIN, 'stats', '--data', join(folder, 'data')], {
    ...user,
    cwd: '/',
    encoding: 'utf8',
  });
  expect(child).toMatchObject({ status: 2, stdout: '' });
  expect(child.stderr).toMatch(
    /^jobledger: .*expected a folder that this user may read and write.*\n$/,
  );
});

test('a user of the database who may make nothing is refused in one line', async () => {
  const database = await createDatabase({ empty: true });
  const role = `jobledger_reader_${process.pid}`;
  await onServer(database.url, `create role ${role} login password 'x'`);
  onTestFinished(async () => {
    await database.drop();
    await onServer(inject('serverUrl'), `drop role ${role}`);
  });
  const url = database.url.replace(/\/\/[^/]*@/, `//${role}:x@`);
  const line = expectRefused(await cliOn(url).run(['migrate']));
  expect(line).toMatch(/database: .*permission denied/);
});

test('a user who may make no tables is refused a new read model in one line', async () => {
  const database = await createDatabase();
  await expectMigrated(database.url);
  const role = `jobledger_worker_${process.pid}`;
  await onServer(database.url, `create role ${role} login password 'x'`);
  await onServer(database.url, `grant usage on schema jobledger to ${role}`);
  await onServer(database.url, `grant all on all tables in schema jobledger to ${role}`);
  onTestFinished(async () => {
    await database.drop();
    await onServer(inject('serverUrl'), `drop role ${role}`);
  });
  const on = cliOn(database.url.replace(/\/\/[^/]*@/, `//${role}:x@`));
  for (const command of [['project'], ['projections', 'rebuild', 'jobs']])
    expect(expectRefused(await on.run(command))).toMatch(/may not do that: permission denied/);
});

async function expectMigrated(url: string): Promise<void> {
  expect(await cliOn(url).run(['migrate'])).toMatchObject({ code: 0 });
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}
