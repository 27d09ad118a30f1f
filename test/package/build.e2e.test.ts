import { cp, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { answerOf } from '../support/cli.js';
import { removeAfterFile, temporaryFolder } from '../support/folder.js';
import { startNode } from '../support/processes.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const BUILD = join(ROOT, 'scripts', 'build.mjs');

test('without the compiler of its platform a build says in one line what to do', async () => {
  const root = removeAfterFile(await temporaryFolder());
  const typescript = join(root, 'node_modules', 'typescript');
  await mkdir(join(root, 'scripts'));
  await mkdir(typescript, { recursive: true });
  await cp(BUILD, join(root, 'scripts', 'build.mjs'));
  await writeFile(join(typescript, 'package.json'), '{"name":"typescript"}');
  const answer = await answerOf(startNode(join(root, 'scripts', 'build.mjs')));
  expect(answer).toMatchObject({ code: 1, lines: [] });
  expect(answer.errorLines).toEqual([
    expect.stringMatching(/^build: the compiler .* run 'npm ci' without --omit=optional$/),
  ]);
});

test('read models are compiled against the source just built, and one with a fault leaves all as it was', async () => {
  const { root, build } = await smallPackage();
  expect(await build()).toMatchObject({ code: 0, errorLines: [] });
  const built = ['index.d.ts', 'index.js', 'projections'];
  expect((await readdir(join(root, 'dist'))).sort()).toEqual(built);
  const index = join(root, 'dist', 'projections', 'index.js');
  expect(await readFile(index, 'utf8')).toContain(`from './jobs.js'`);
  await writeFile(join(root, 'src', 'index.ts'), 'export const limit = 6;\n');
  for (const [fault, text] of [
    [`import { nothing } from 'jobledger';\nexport const jobs = nothing;`, "no exported member 'n"],
    [`import { limit } from '../src/index.ts';\nexport const jobs = limit;`, "not under 'rootDir'"],
    [`export enum jobs { one }`, "not allowed when 'erasableSyntaxOnly' is enabled"],
  ] as const) {
    await writeFile(join(root, 'projections', 'jobs.ts'), `${fault}\n`);
    const { code, lines } = await build();
    expect(code).toBe(1);
    expect(lines.join('\n')).toContain(text);
    expect(await readFile(join(root, 'dist', 'index.js'), 'utf8')).toContain('limit = 5');
    expect((await readdir(root)).filter((name) => name.startsWith('.dist'))).toEqual([]);
  }
}, 60_000);

/** A package of two read models, built as ours is. */
async function smallPackage() {
  const root = removeAfterFile(await temporaryFolder());
  for (const folder of ['scripts', 'src', 'projections']) await mkdir(join(root, folder));
  const ours = ['tsconfig.json', 'tsconfig.build.json', 'tsconfig.projections.json'];
  for (const name of [...ours, 'scripts/build.mjs']) await cp(join(ROOT, name), join(root, name));
  await symlink(join(ROOT, 'node_modules'), join(root, 'node_modules'), 'dir');
  await writeFile(join(root, 'package.json'), '{"name":"jobledger","type":"module"}');
  await writeFile(join(root, 'src', 'index.ts'), 'export const limit = 5;\n');
  const jobs = `import { limit } from 'jobledger';\nexport const jobs = limit;\n`;
  await writeFile(join(root, 'projections', 'jobs.ts'), jobs);
  const index = `import { jobs } from './jobs.ts';\nexport const projections = [jobs];\n`;
  await writeFile(join(root, 'projections', 'index.ts'), index);
  return { root, build: () => answerOf(startNode(join(root, 'scripts', 'build.mjs'))) };
}
