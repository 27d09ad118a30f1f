import { chmod, mkdir, readdir, readlink, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { explain } from '../../src/embedded/data-folder.js';
import { openEmbedded } from '../../src/embedded/embedded.js';
import { isLedgerError } from '../../src/errors.js';
import { ask, open, testSite } from './site.js';

const isRoot = process.getuid?.() === 0;

test('a folder of something else is refused in one line and left alone', async () => {
  const folder = await testSite({ fresh: true });
  await mkdir(folder);
  await writeFile(join(folder, 'thesis.txt'), 'mine');
  const line = await refusal(folder);
  expect(line).toContain(folder);
  expect(line).toContain('expected an empty folder or one of jobledger, found "thesis.txt"');
  await expect(readdir(folder)).resolves.toEqual(['thesis.txt']);
});

test('a file where the folder should be is refused in one line', async () => {
  const folder = await testSite({ fresh: true });
  await writeFile(folder, '');
  expect(await refusal(folder)).toContain('expected a folder, found a file');
  expect(await refusal(join(folder, 'below'))).toContain('expected a folder, found a file');
});

test('data that are no Postgres data are refused in one line', async () => {
  const folder = await testSite({ fresh: true });
  await mkdir(join(folder, 'postgres'), { recursive: true });
  expect(await refusal(folder)).toMatch(/expected Postgres data in .*, found something else/);
});

test('data of another major version are refused in one line', async () => {
  const folder = await testSite();
  await writeFile(join(folder, 'postgres', 'PG_VERSION'), '9\n');
  expect(await refusal(folder)).toMatch(/expected data of Postgres \d+, found version 9/);
});

test('a pointer to data that are gone is refused, never begun anew', async () => {
  const folder = await testSite({ fresh: true });
  await mkdir(folder);
  await symlink(join(folder, 'nowhere'), join(folder, 'postgres'));
  expect(await refusal(folder)).toMatch(/expected the Postgres data that .* points to/);
});

test.skipIf(isRoot)('a folder that may not be written is refused in one line', async () => {
  const folder = await testSite({ fresh: true });
  await mkdir(folder, { mode: 0o500 });
  expect(await refusal(folder)).toContain('expected a folder that this user may read and write');
});

test('a full disk is reported as such', () => {
  for (const error of [
    Object.assign(new Error('no space'), { code: 'ENOSPC' }),
    new Error('initdb: error: could not write file "x": No space left on device'),
    new Error(
      'FATAL:  could not extend file "base/1/2691": wrote only 4096 of 8192 bytes at block 10\n' +
        'HINT:  Check free disk space.\ninitdb: removing contents of data directory "x"',
    ),
  ]) {
    expect(explain('./here', error)).toMatchObject({
      code: 'DATA_FOLDER',
      message: 'data folder ./here: expected room for about 100 MB, found the disk full',
    });
  }
});

test('what else Postgres says about a failed start is told by its first fault', () => {
  const text =
    'running bootstrap script ...\nFATAL:  out of luck\nchild process exited with code 1';
  expect(explain('./here', new Error(text))).toMatchObject({
    message: 'data folder ./here: FATAL:  out of luck',
  });
});

test('an opening that fails leaves no folder that it made', async () => {
  const folder = await testSite({ fresh: true });
  const binFolder = join(folder, 'no-programs');
  await expect(openEmbedded({ folder: join(folder, 'a', 'b'), binFolder })).rejects.toThrow();
  await expect(readdir(dirname(folder))).resolves.toEqual([]);
});

test.skipIf(process.platform !== 'linux')(
  'a place where no folder can be made is refused in one line',
  async () => {
    for (const folder of ['/proc/jobledger', '/proc/jobledger/data']) {
      expect(await refusal(folder)).toContain(
        'expected a folder that this user may read and write',
      );
    }
  },
);

test('what a killed first start left behind is removed by the next', async () => {
  const folder = await testSite({ fresh: true });
  const left = join(folder, 'postgres.new-999999999-1');
  await mkdir(join(left, 'base'), { recursive: true });
  const server = await open(folder);
  await server.close();
  expect((await readdir(folder)).sort()).toEqual(['postgres', 'postgres.log']);
});

test('data outlive a move of their folder', async () => {
  const folder = await testSite();
  const first = await open(folder);
  await ask(first.url, 'create table kept(a int)');
  await first.close();
  const moved = join(dirname(folder), 'moved');
  await rename(folder, moved);
  const second = await open(moved);
  await expect(ask(second.url, 'table kept')).resolves.toEqual([]);
  await second.close();
});

test.runIf(isRoot)('a project that only root may enter gets its data elsewhere', async () => {
  const folder = await testSite({ fresh: true });
  await chmod(dirname(folder), 0o700);
  const first = await open(folder);
  const place = await readlink(join(folder, 'postgres'));
  onTestFinished(() => rm(dirname(place), { recursive: true, force: true }));
  await ask(first.url, 'create table kept(a int)');
  await first.close();
  const second = await open(folder);
  await expect(ask(second.url, 'table kept')).resolves.toEqual([]);
  await second.close();
});

async function refusal(folder: string): Promise<string> {
  const error: unknown = await open(folder).catch((thrown: unknown) => thrown);
  if (!isLedgerError(error, 'DATA_FOLDER')) throw error;
  expect(error.message).not.toContain('\n');
  return error.message;
}
