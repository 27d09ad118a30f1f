import { cp, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { answerOf } from '../support/cli.js';
import { removeAfterFile, temporaryFolder } from '../support/folder.js';
import { startNode } from '../support/processes.js';

const BUILD = fileURLToPath(new URL('../../scripts/build.mjs', import.meta.url));

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
