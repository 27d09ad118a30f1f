import { access, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { cli, expectRefused } from '../support/cli.js';
import { removeAfterFile, temporaryFolder } from '../support/folder.js';

const SOURCES = fileURLToPath(new URL('../../projections/', import.meta.url));
const MARKER = '{ "type": "module" }\n';

test('a project with a tsconfig.json gets the TypeScript as it stands, and is told how to compile it', async () => {
  const { folder, init } = await project({
    'package.json': '{"type":"module"}',
    'tsconfig.json': '{}',
  });
  const { code, lines, errorLines } = await init();
  expect({ code, errorLines }).toEqual({ code: 0, errorLines: [] });
  const names = (await readdir(SOURCES)).sort();
  expect(names).toContain('jobs.ts');
  expect((await readdir(join(folder, 'projections'))).sort()).toEqual(names);
  for (const name of names) {
    const copied = await readFile(join(folder, 'projections', name), 'utf8');
    expect(copied).toBe(await readFile(join(SOURCES, name), 'utf8'));
    expect(lines).toContain(`projections/${name}: written`);
  }
  expect(lines.join('\n')).toContain('"rewriteRelativeImportExtensions": true');
  expect(lines.join('\n')).toContain('npx jobledger project --projections ');
});

test('another project gets JavaScript, and is told how to run it', async () => {
  const { folder, init } = await project({ 'package.json': '{"type":"module"}' });
  const { lines } = await init('src/models');
  const names = (await readdir(SOURCES)).map((name) => name.replace(/ts$/, 'js'));
  expect((await readdir(join(folder, 'src/models'))).sort()).toEqual(names.sort());
  expect(lines).toContain('src/models/jobs.js: written');
  expect(lines.at(-1)).toBe('next: npx jobledger project --projections src/models/index.js');
});

test('a project whose files are not modules gets a mark beside them that these are, once', async () => {
  const { folder, init } = await project({ 'package.json': '{"type":"commonjs"}' });
  expect((await init()).lines).toContain('projections/package.json: written');
  expect(await readFile(join(folder, 'projections/package.json'), 'utf8')).toBe(MARKER);
  expect((await init()).lines).toContain('projections/package.json: same');
  const modules = await project({ 'package.json': '{"type":"module"}' });
  expect((await modules.init()).lines.join()).not.toContain('package.json');
});

test('the package.json of the project itself is never touched', async () => {
  const text = '{"type":"commonjs","name":"mine"}';
  const { folder, init } = await project({ 'package.json': text });
  expect(await init('.', '--force')).toMatchObject({ code: 0 });
  expect(await readFile(join(folder, 'package.json'), 'utf8')).toBe(text);
  await expect(access(join(folder, 'index.js'))).resolves.toBeUndefined();
});

test('what differs is kept, what is missing written, and --force overwrites', async () => {
  const { folder, init } = await project({ 'tsconfig.json': '{}', 'package.json': '{}' });
  await init();
  const mine = join(folder, 'projections/jobs.ts');
  const original = await readFile(mine, 'utf8');
  await writeFile(mine, '// mine\n');
  await writeFile(join(folder, 'projections/other.ts'), '// other\n');
  expect((await init()).lines).toEqual(
    expect.arrayContaining(['projections/jobs.ts: kept: differs', 'projections/index.ts: same']),
  );
  expect(await readFile(mine, 'utf8')).toBe('// mine\n');
  expect((await init('--force')).lines).toContain('projections/jobs.ts: written');
  expect(await readFile(mine, 'utf8')).toBe(original);
  expect(await readFile(join(folder, 'projections/other.ts'), 'utf8')).toBe('// other\n');
});

test('--ts and --js say which, and --json answers one object', async () => {
  const { folder, init } = await project({ 'package.json': '{"type":"module"}' });
  await init('a', '--ts');
  await expect(access(join(folder, 'a/jobs.ts'))).resolves.toBeUndefined();
  await writeFile(join(folder, 'tsconfig.json'), '{}');
  const { lines } = await init('b', '--js', '--json');
  expect(lines).toHaveLength(1);
  expect(JSON.parse(lines[0]!)).toEqual({
    folder: 'b',
    language: 'js',
    files: expect.arrayContaining([{ file: 'jobs.js', outcome: 'written' }]) as unknown,
    next: ['next: npx jobledger project --projections b/index.js'],
  });
});

test('a folder that cannot be one, both languages, and an unknown sub-command are refused', async () => {
  const { folder, init } = await project({ 'package.json': '{}', file: '' });
  expect(expectRefused(await init('file'))).toContain('folder: expected one that can be written: ');
  expect(expectRefused(await init(' '))).toContain('folder: expected the path of a folder');
  expect(expectRefused(await init('--ts', '--js'))).toContain('--ts, --js: expected one of them');
  expect(expectRefused(await cli(['projections', 'int'], { cwd: folder }))).toContain(
    "unknown command 'int' (Did you mean init?); see 'jobledger projections --help'",
  );
  expect((await readdir(folder)).sort()).toEqual(['file', 'package.json']);
});

/** A new folder with these files, and the command in it. */
async function project(files: Readonly<Record<string, string>>) {
  const folder = removeAfterFile(await temporaryFolder());
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder, name), text);
  const init = (...args: readonly string[]) =>
    cli(['projections', 'init', ...args], { cwd: folder });
  return { folder, init };
}
