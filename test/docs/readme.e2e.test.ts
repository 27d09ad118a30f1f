import { copyFile, mkdir, rm, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';
import { dataHome } from '../support/folder.js';
import { startNode } from '../support/processes.js';
import { blocksOf, document } from './markdown.js';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

describe('the example of the README', () => {
  it('runs as pasted, prints the history and the result, and ends by itself', async () => {
    const folder = await emptyProject();
    await writeFile(join(folder, 'quickstart.mjs'), example());
    const lines = await run(folder, 'quickstart.mjs');
    expect(lines.slice(0, 5).map((line) => line.replace(/^\S+Z /, '').trim())).toEqual([
      'JobEnqueued',
      'AttemptStarted',
      'AttemptFailed the greeter is still asleep',
      'AttemptStarted',
      'AttemptSucceeded',
    ]);
    expect(lines[0]).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z /);
    expect(lines.slice(5)).toEqual(["{ text: 'Hello, Ada!' }"]);
  }, 60_000);

  it('prints what the README says it prints', () => {
    const [printed] = blocksOf('README.md').filter(({ language }) => language === 'text');
    const types = printed!.text.split('\n').map((line) => line.replace(/^\S+Z /, ''));
    expect(types.slice(0, 6)).toEqual([
      'JobEnqueued',
      'AttemptStarted',
      'AttemptFailed the greeter is still asleep',
      'AttemptStarted',
      'AttemptSucceeded',
      "{ text: 'Hello, Ada!' }",
    ]);
  });

  it('is the same as in examples/', () => {
    expect(example()).toBe(document('examples/quickstart.mjs'));
  });
});

describe('examples/transactional-enqueue.mjs', () => {
  it('makes no job of the transaction that was rolled back, and runs the other', async () => {
    const folder = await emptyProject();
    await copyFile(
      join(ROOT, 'examples', 'transactional-enqueue.mjs'),
      join(folder, 'transactional-enqueue.mjs'),
    );
    expect(await run(folder, 'transactional-enqueue.mjs')).toEqual([
      'rolled back: a lamp is sold out',
      'jobs: 1, result: order 2 is confirmed',
    ]);
  }, 60_000);
});

describe('the picture of the states in the README', () => {
  it('is the one in docs/state-machine.md, which the tests hold to the rules', () => {
    const picture = (file: string) =>
      blocksOf(file).find(({ language }) => language === 'mermaid')?.text;
    expect(picture('README.md')).toBe(picture('docs/state-machine.md'));
    expect(picture('README.md')).toContain('AttemptStarted');
  });
});

function example(): string {
  return blocksOf('README.md').find(({ language }) => language === 'js')?.text ?? '';
}

/** A folder in which the built package and what it is used with are installed. */
async function emptyProject(): Promise<string> {
  const folder = await dataHome();
  onTestFinished(() => rm(folder, { recursive: true, force: true, maxRetries: 20 }));
  const modules = join(folder, 'node_modules');
  await mkdir(modules);
  await symlink(ROOT, join(modules, 'jobledger'), 'dir');
  for (const name of ['zod', 'pg']) {
    await symlink(join(ROOT, 'node_modules', name), join(modules, name), 'dir');
  }
  return folder;
}

async function run(folder: string, file: string): Promise<readonly string[]> {
  const child = startNode(join(folder, file), { cwd: folder });
  const exit = await child.exit;
  expect({ ...exit, errors: child.errorLines }).toEqual({ code: 0, signal: null, errors: [] });
  return child.lines;
}
