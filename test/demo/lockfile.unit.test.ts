import { describe, expect, it } from 'vitest';
import { readLockfile } from '../../src/demo/lockfile.js';
import { isLedgerError } from '../../src/index.js';
import { lockfile, project, type Files } from './projects.js';

const INSTALLED: Files = { 'node_modules/a/package.json': {} };

describe('the packages of a lockfile', () => {
  it('are all that npm installs, nested and scoped ones too, but not the project itself', async () => {
    const found = await packagesOf({
      'node_modules/a': { version: '1.0.0' },
      'node_modules/@scope/b': { version: '2.0.0', dev: true },
      'node_modules/a/node_modules/@scope/b': { version: '1.9.0' },
    });
    expect(found.map(({ name, version, path }) => [name, version, path])).toEqual([
      ['a', '1.0.0', 'node_modules/a'],
      ['@scope/b', '2.0.0', 'node_modules/@scope/b'],
      ['@scope/b', '1.9.0', 'node_modules/a/node_modules/@scope/b'],
    ]);
  });

  it('count a workspace once, in its own folder and not through its link', async () => {
    const found = await packagesOf({
      'node_modules/tool': { resolved: 'packages/tool', link: true },
      'packages/tool': { version: '0.1.0' },
      'packages/other': { name: '@app/other' },
    });
    expect(found.map(({ name, version, path }) => [name, version, path])).toEqual([
      ['tool', '0.1.0', 'packages/tool'],
      ['@app/other', null, 'packages/other'],
    ]);
  });

  it('have the name of the package, not that of its alias', async () => {
    const [found] = await packagesOf({ 'node_modules/alias': { name: 'real', version: '1.0.0' } });
    expect(found).toMatchObject({ path: 'node_modules/alias', name: 'real' });
  });

  it('say which are optional and what they are built for', async () => {
    const found = await packagesOf({
      'node_modules/a': { version: '1.0.0', optional: true, os: ['linux'], cpu: ['x64'] },
      'node_modules/b': { version: '1.0.0', devOptional: true },
      'node_modules/c': { version: '1.0.0', os: ['!win32'] },
    });
    expect(found.map(({ optional, platform }) => [optional, platform])).toEqual([
      [true, 'linux x64'],
      [true, null],
      [false, '!win32'],
    ]);
  });

  it('are read from lockfile version 2 as well', async () => {
    const packages = { 'node_modules/a': { version: '1.0.0' } };
    const files = { 'package-lock.json': { lockfileVersion: 2, packages, dependencies: {} } };
    expect(await read({ ...files, ...INSTALLED })).toHaveLength(1);
  });
});

describe('a folder without a project to audit is refused in one line', () => {
  const one = lockfile({ 'node_modules/a': { version: '1.0.0' } });
  it.each<[string, Files, RegExp]>([
    ['without a lockfile', INSTALLED, /^package-lock\.json: expected a project/],
    ['with nothing installed', { 'package-lock.json': one }, /^node_modules: .* npm ci/],
    ['with a broken lockfile', { 'package-lock.json': '{', ...INSTALLED }, /: expected a JSON/],
    [
      'with a lockfile that is no object',
      { 'package-lock.json': 'null', ...INSTALLED },
      /lockfileVersion 2 or 3, got null/,
    ],
    [
      'with a lockfile of npm 6',
      { 'package-lock.json': { lockfileVersion: 1, dependencies: {} }, ...INSTALLED },
      /lockfileVersion 2 or 3, got 1/,
    ],
    [
      'with no packages at all',
      { 'package-lock.json': lockfile({}), ...INSTALLED },
      /at least one package/,
    ],
  ])('%s', async (_, files, message) => {
    const error: unknown = await read(files).catch((reason: unknown) => reason);
    expect(isLedgerError(error, 'BAD_INPUT')).toBe(true);
    expect((error as Error).message).toMatch(message);
    expect((error as Error).message).not.toContain('\n');
  });
});

async function packagesOf(packages: Readonly<Record<string, object>>) {
  return read({ 'package-lock.json': lockfile(packages), ...INSTALLED });
}

async function read(files: Files) {
  return readLockfile(await project(files));
}
