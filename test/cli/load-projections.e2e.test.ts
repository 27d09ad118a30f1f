import { mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, expect, test } from 'vitest';
import { projections } from '../../projections/index.js';
import { answerOf } from '../support/cli.js';
import { removeAfterFile, temporaryFolder } from '../support/folder.js';
import { startChild } from '../support/processes.js';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What every module of these begins with: definitions to export, one way or another. */
const HEAD = `
import { column, defineProjection } from 'jobledger';
const make = (name, version = 1) => defineProjection({
  name, version, columns: { kind: column.text }, key: ['kind'],
  rows: ({ kind }) => ({ kind }), on: {},
});
const one = make('one');
`;

const GOOD: readonly (readonly [string, string, readonly string[]])[] = [
  [
    'a list by its name, whatever else is exported',
    `export const projections = [make('b'), make('a')]; export { one }; export default 7;`,
    ['b 1', 'a 1'],
  ],
  [
    'a list as the default',
    `export default [one, make('two')]; export { one };`,
    ['one 1', 'two 1'],
  ],
  ['one as the default', `export default one;`, ['one 1']],
  [
    'what is exported by name, each once',
    `export { one, one as again }; export const two = make('two'), limit = 5, none = null; export default one;`,
    ['one 1', 'two 1'],
  ],
  ['two versions of one', `export default [one, make('one', 2)];`, ['one 1', 'one 2']],
  [
    'those that another copy of the package made',
    `const other = await import(import.meta.resolve('jobledger').replace('index.js', 'projector/projection.js?other'));
     if (other.defineProjection === defineProjection) throw new Error('the same copy');
     export default other.defineProjection({
       name: 'other', version: 3, columns: { id: { ...column.uuid }, kind: { ...column.text } },
       key: ['id'], job: 'id', indexes: [['kind', 'id']], on: {},
     });`,
    ['other 3'],
  ],
];

const BAD: readonly (readonly [string, string, string])[] = [
  ['no projection', `export const limit = 5;`, 'expected FILE to export projections made by'],
  [
    'an empty list',
    `export const projections = [];`,
    'made by defineProjection, by name or in a list; found none',
  ],
  [
    'a list that is none',
    `export const projections = one;`,
    'projections of FILE: expected a list, got an object',
  ],
  [
    'another default',
    `export default () => one;`,
    'default of FILE: expected a projection or a list of them, got a function',
  ],
  [
    'something else in a list, each by its place',
    `export default [one, null, 'jobs', undefined];`,
    'in FILE: default[1]: expected a projection made by defineProjection, got null; default[2]: expected a projection made by defineProjection, got a string; default[3]: expected a projection made by defineProjection, got nothing',
  ],
  [
    'what defineProjection never saw, field by field',
    `export const raw = {
       name: 'raw', version: 1, columns: { kind: column.text }, key: ['kind'],
       rows: ({ kind }) => ({ kind }), on: {}, view: {},
     };`,
    'raw.hears: expected a function, as defineProjection makes it, got nothing; raw.rowsOf: expected a function, as defineProjection makes it, got nothing; raw.fold: ',
  ],
  [
    'fields of another sort, all at once',
    `export default [{
       ...one, name: 'No Name', version: 1.5, key: ['nothing'], view: 'sql', job: 'kind', indexes: [['of']],
       columns: { kind: { type: 'money', nullable: false } },
     }];`,
    'in FILE: default[0].name: expected text like failed-jobs, got "No Name"; default[0].version: expected a whole number from 1, got 1.5; default[0].key: expected a list of names of its columns, got an array; default[0].job: expected a column of its key, or nothing, got "kind"; default[0].indexes: expected a list of lists of names of its columns, got an array; default[0].view: expected an object, as defineProjection makes it, got "sql"; default[0].columns.kind: expected a column of a type known here',
  ],
  [
    'a name and version twice',
    `export default [one, make('two'), make('one')];`,
    'in FILE: default[2]: one version 1 is there already: default[0]',
  ],
  [
    'a module that throws',
    `throw new TypeError('too\\nbad');`,
    'FILE threw while loading: TypeError: too bad',
  ],
  ['what is not JavaScript', `const = 1;`, 'FILE:8: SyntaxError: '],
];

let folder: string;
const told = new Map<string, unknown>();

beforeAll(async () => {
  folder = removeAfterFile(await temporaryFolder());
  await mkdir(join(folder, 'node_modules'));
  await symlink(ROOT, join(folder, 'node_modules', 'jobledger'), 'dir');
  const modules = [...GOOD, ...BAD].map(([title, text], n) => ({ title, file: `${n}.mjs`, text }));
  for (const { file, text } of modules) await writeFile(join(folder, file), `${HEAD}${text}\n`);
  const answers = await load(modules.map(({ file }) => file));
  for (const [n, { title, file }] of modules.entries()) {
    const answer = answers[n]!.replaceAll(file, 'FILE').replaceAll(join(folder, 'FILE'), 'FILE');
    told.set(title, JSON.parse(answer));
  }
}, 60_000);

test.each(GOOD)('%s: are the read models of a module', (title, _, names) => {
  expect(told.get(title)).toEqual({ loaded: names });
});

test.each(BAD)('%s: refused in one line', (title, _, text) => {
  const { code, message } = told.get(title) as { code: string; message: string };
  expect(code).toBe('BAD_INPUT');
  expect(message).toMatch(/^--projections: [^\n]+$/);
  expect(message).toContain(text);
});

test('a file that is not there, a folder, and a kind of file that this Node cannot run are refused', async () => {
  await writeFile(join(folder, 'list.coffee'), '');
  const answers = await load(['nowhere.mjs', 'node_modules', 'list.coffee']);
  expect(answers.map((line) => (JSON.parse(line) as { message: string }).message)).toEqual([
    '--projections: expected a file, there is none at nowhere.mjs',
    '--projections: expected a file, node_modules is none',
    `--projections: this Node (${process.version}) cannot run .coffee files (list.coffee); expected .mjs or .js`,
  ]);
});

test('without a module it is the list that comes with the package', async () => {
  const [answer] = await load([]);
  const shipped = projections.map(({ name, version }) => `${name} ${version}`);
  expect(shipped.length).toBeGreaterThan(0);
  expect(JSON.parse(answer!)).toEqual({ loaded: shipped });
});

async function load(files: readonly string[]): Promise<readonly string[]> {
  const child = startChild('load-projections.mjs', { args: files, cwd: folder });
  const answer = await answerOf(child);
  expect(answer).toMatchObject({ code: 0, errorLines: [] });
  return answer.lines;
}
