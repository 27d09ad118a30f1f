import { createHash } from 'node:crypto';
import { symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { auditPackage } from '../../src/demo/audit.js';
import type { LockedPackage } from '../../src/demo/lockfile.js';
import { classify } from '../../src/job/classify.js';
import { project, type Files } from './projects.js';

const MANIFEST = JSON.stringify({ name: 'a', version: '1.0.0', license: 'MIT' });
const WANTED: LockedPackage = {
  ...{ path: 'node_modules/a', name: 'a', version: '1.0.0' },
  ...{ optional: false, platform: null },
};

describe('an audit', () => {
  it('hashes every file, below every folder, in an order that never changes', async () => {
    const files = { 'lib/b.js': 'bee', 'index.js': 'index', 'package.json': MANIFEST, empty: '' };
    const found = await audit(files);
    const expected = createHash('sha256');
    for (const path of ['empty', 'index.js', 'lib/b.js', 'package.json'] as const) {
      expected.update(`${path}\0${sha256(files[path])}\n`);
    }
    expect(found).toEqual({
      files: 4,
      bytes: 'bee'.length + 'index'.length + MANIFEST.length,
      digest: expected.digest('hex'),
      licence: 'MIT',
      largestFile: 'a/package.json',
      largestBytes: MANIFEST.length,
    });
  });

  it('names the largest file, the first of those that are as large', async () => {
    const large = 'x'.repeat(1_000);
    const files = { 'package.json': MANIFEST, 'b/large': large, 'c/large': large };
    const largest = { largestFile: 'a/b/large', largestBytes: 1_000 };
    expect(await audit(files)).toMatchObject(largest);
  });

  it('hashes a file too large for one read like any other', async () => {
    const large = 'x'.repeat(2_500_000);
    const { bytes, digest } = await audit({ 'package.json': MANIFEST, large: large });
    const lines = `large\0${sha256(large)}\npackage.json\0${sha256(MANIFEST)}\n`;
    expect(bytes).toBe(large.length + MANIFEST.length);
    expect(digest).toBe(sha256(lines));
  });

  it('gives another digest if one byte changes, or if a file is called otherwise', async () => {
    const digests = await Promise.all(
      [
        ['a.js', 'one'],
        ['a.js', 'onf'],
        ['b.js', 'one'],
      ].map(async ([path = '', text = '']) => {
        const { digest } = await audit({ 'package.json': MANIFEST, [path]: text });
        return digest;
      }),
    );
    expect(new Set(digests).size).toBe(3);
  });

  it('leaves out packages that are nested in it, since they have jobs of their own', async () => {
    const nested = { 'node_modules/b/index.js': 'b', 'package.json': MANIFEST };
    expect(await audit(nested)).toMatchObject({ files: 1 });
  });

  it.skipIf(process.platform === 'win32')('follows no link', async () => {
    const root = await installed({ 'package.json': MANIFEST });
    await writeFile(join(root, 'outside.txt'), 'not of this package');
    await symlink(join(root, 'outside.txt'), join(root, WANTED.path, 'link.txt'));
    await symlink(root, join(root, WANTED.path, 'circle'));
    expect(await auditPackage(root, WANTED, context())).toMatchObject({ files: 1 });
  });

  it('reports how far it is, and ends with 1', async () => {
    const told: number[] = [];
    const root = await installed({ 'package.json': MANIFEST, 'a.js': 'a' });
    const progress = (fraction: number): void => void told.push(fraction);
    await auditPackage(root, WANTED, { ...context(), progress });
    expect(told).toEqual([0.5, 1]);
  });

  it('ends when its signal aborts', async () => {
    const root = await installed({ 'package.json': MANIFEST });
    const aborted = { ...context(), signal: AbortSignal.abort('timeout') };
    await expect(auditPackage(root, WANTED, aborted)).rejects.toBe('timeout');
  });

  it.each([
    ['an expression', { license: '(MIT OR Apache-2.0)' }, '(MIT OR Apache-2.0)'],
    ['the old object', { license: { type: 'BSD' } }, 'BSD'],
    ['the older list', { licenses: [{ type: 'MIT' }, { type: 'GPL-2.0' }] }, 'MIT OR GPL-2.0'],
    ['nothing', {}, null],
  ])('finds the licence in %s', async (_, fields, licence) => {
    const manifest = JSON.stringify({ name: 'a', version: '1.0.0', ...fields });
    expect(await audit({ 'package.json': manifest })).toMatchObject({ licence });
  });

  it('points at the licence file where package.json says nothing', async () => {
    const manifest = JSON.stringify({ name: 'a', version: '1.0.0' });
    const files = { 'package.json': manifest, 'LICENSE.md': 'text', 'lib/LICENSE': 'text' };
    expect(await audit(files)).toMatchObject({ licence: 'see LICENSE.md' });
  });
});

describe('an audit fails for good', () => {
  it('as not found if the package is not installed, and says why that may be', async () => {
    const elsewhere = { ...WANTED, path: 'node_modules/b', optional: true, platform: 'aix ppc64' };
    const error = await failure({ 'package.json': MANIFEST }, elsewhere);
    expect(error.message).toBe('a 1.0.0 is not installed: optional, for aix ppc64');
    expect(classify(error, 0)).toMatchObject({ category: 'not-found', retryable: false });
  });

  it.each([
    ['another version', { version: '1.0.1' }, /installed version is "1\.0\.1".*"1\.0\.0"/],
    ['another name', { name: 'b' }, /installed name is "b".*"a"/],
    ['no version', { version: undefined }, /installed version is null/],
  ])('as invalid if the package has %s', async (_, fields, message) => {
    const manifest = JSON.stringify({ name: 'a', version: '1.0.0', ...fields });
    const error = await failure({ 'package.json': manifest }, WANTED);
    expect(error.message).toMatch(message);
    expect(classify(error, 0)).toMatchObject({ category: 'validation', retryable: false });
  });

  it('as invalid if package.json is not JSON', async () => {
    const error = await failure({ 'package.json': '{' }, WANTED);
    expect(classify(error, 0)).toMatchObject({ category: 'validation', retryable: false });
  });
});

it('an audit of a package whose version the lockfile does not know compares the name alone', async () => {
  const root = await installed({ 'package.json': MANIFEST });
  const found = await auditPackage(root, { ...WANTED, version: null }, context());
  expect(found).toMatchObject({ files: 1 });
});

function context() {
  return { signal: new AbortController().signal, progress: () => undefined };
}

async function installed(files: Files): Promise<string> {
  const entries = Object.entries(files).map(([path, text]) => [`${WANTED.path}/${path}`, text]);
  return project(Object.fromEntries(entries) as Files);
}

async function audit(files: Files) {
  return auditPackage(await installed(files), WANTED, context());
}

async function failure(files: Files, wanted: LockedPackage): Promise<Error> {
  const outcome: unknown = await auditPackage(await installed(files), wanted, context()).catch(
    (error: unknown) => error,
  );
  expect(outcome).toBeInstanceOf(Error);
  return outcome as Error;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
