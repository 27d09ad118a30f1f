import { execFile } from 'node:child_process';
import { mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it, onTestFinished } from 'vitest';
import { dataHome } from '../support/folder.js';
import { blocksOf, document } from './markdown.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

it('docs/replay.md can be followed by copy and paste, from an empty folder to the end', async () => {
  const folder = await projectFolder();
  const said: string[] = [];
  for (const { language, text, line } of blocksOf('docs/replay.md')) {
    if (text.startsWith('npm install')) continue;
    if (language === 'js') await writeFile(join(folder, fileBefore(line)), text);
    else said.push(await shell(text, folder));
  }
  const [history, first, second, proof, back] = said;
  expect(history).toMatch(/image\.resize .* 4 /);
  expect(first).toMatch(/^kind +succeeded\nimage\.resize +4$/m);
  expect(second).toMatch(/^kind +succeeded +failed_attempts\nimage\.resize +4 +4$/m);
  expect(second).toMatch(/^outcomes +1 +retired /m);
  expect(second).toMatch(/^outcomes +2 +live /m);
  expect(proof).toMatch(/^outcomes 2 verified 1 row, /);
  expect(back).toMatch(/shows outcomes 1 again\n.*shows outcomes 2 again\ndropped outcomes 1/);
}, 120_000);

/** `Save this as X` stands in the lines before a block. */
function fileBefore(line: number): string {
  const before = document('docs/replay.md').split('\n').slice(0, line).join('\n');
  return [...before.matchAll(/ave this as `([^`]+)`/g)].at(-1)![1]!;
}

async function shell(script: string, cwd: string): Promise<string> {
  const env = { ...process.env, PATH: `${join(cwd, 'bin')}:${process.env['PATH'] ?? ''}` };
  const run = promisify(execFile)('bash', ['-euc', script], { cwd, env });
  return (await run).stdout;
}

/** A folder in which the built package is installed. */
async function projectFolder(): Promise<string> {
  const folder = await dataHome();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  await symlink(ROOT, join(modules, 'jobledger'), 'dir');
  await symlink(join(ROOT, 'node_modules', 'zod'), join(modules, 'zod'), 'dir');
  await mkdir(join(folder, 'bin'));
  // What `npx` does with an installed package, without asking the registry.
  const npx = `#!/bin/sh\nshift\nexec node ${join(ROOT, 'dist/cli/main.js')} "$@"\n`;
  await writeFile(join(folder, 'bin', 'npx'), npx, { mode: 0o755 });
  return folder;
}
