import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type Ledger } from '../../src/index.js';
import { cli, cliOn, errorOf, expectRefused } from '../support/cli.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { dataHome, removeAfterFile, temporaryFolder } from '../support/folder.js';

const ID = '01a203bd-b1e4-7ce1-a0f1-b6e6a1c316e7';
const enqueue = ['enqueue', 'kind', '--payload'];

let database: TestDatabase;
let ledger: Ledger;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger({ database: database.url, migrate: true });
});

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

const CASES: readonly (readonly [string, readonly string[], string])[] = [
  ['malformed JSON', [...enqueue, '{"a":'], 'payload: expected JSON: '],
  ['no payload', ['enqueue', 'kind'], '--payload: expected JSON, @FILE, or - for stdin'],
  [
    'a payload file that is not there',
    [...enqueue, '@nowhere.json'],
    'payload: expected a readable file at "nowhere.json": no such file',
  ],
  [
    'a zero character',
    [...enqueue, '{"a":["\\u0000"]}'],
    'payload.a[0]: text with \\u0000 cannot be stored',
  ],
  ['a lone surrogate', [...enqueue, '"\\udc00"'], 'payload: '],
  [
    'a nonsense time',
    [...enqueue, '1', '--run-at', 'NaN'],
    '--run-at: expected a valid Date or ISO 8601',
  ],
  [
    'a negative delay',
    [...enqueue, '1', '--delay', '-5'],
    '--delay: expected a duration from 0, like 500ms',
  ],
  [
    'a priority out of range',
    [...enqueue, '1', '--priority', '32768'],
    '--priority: expected an integer from -32768 to 32767, got 32768',
  ],
  [
    'a limit of 0 attempts',
    [...enqueue, '1', '--max-attempts', '0'],
    '--max-attempts: expected an integer from 1 to 32767, got 0',
  ],
  [
    'no time at all for an attempt',
    [...enqueue, '1', '--timeout', '0'],
    '--timeout: expected a duration from 1ms, or none, got "0"',
  ],
  [
    'an unknown scope',
    [...enqueue, '1', '--unique-key', 'k', '--unique-scope', 'ever'],
    '--unique-scope: expected active or forever, got "ever"',
  ],
  [
    'one argument too many',
    ['stats', 'all'],
    "Expected 0 arguments but got 1; see 'jobledger stats --help'",
  ],
  [
    'a blank kind',
    ['enqueue', ' ', '--payload', '1'],
    'kind: expected printable text of 1 to 255 bytes, got blank text',
  ],
  [
    'a scope without a key',
    [...enqueue, '1', '--unique-scope', 'forever'],
    '--unique-key: expected one with',
  ],
  [
    '--atomic without --ndjson',
    [...enqueue, '1', '--atomic'],
    '--atomic: expected only with --ndjson',
  ],
  ['an unknown option', ['list', '--fialed'], "unknown option '--fialed' (Did you mean --failed?)"],
  ['an unknown command', ['lst'], "unknown command 'lst' (Did you mean list?)"],
  [
    'a limit out of range',
    ['list', '--limit', '0'],
    '--limit: expected an integer from 1 to 100, got 0',
  ],
  [
    'a number of partitions out of range',
    ['migrate', '--partitions', '257'],
    '--partitions: expected an integer from 1 to 256, got 257',
  ],
  [
    'a field without a value',
    ['list', '--payload-field', 'customer.id'],
    '--payload-field: expected <path=value>',
  ],
  [
    'a nonsense time in a filter',
    ['list', '--finished-before', 'noon'],
    '--finished-before: expected a valid Date or ISO 8601',
  ],
  ['no cursor', ['list', '--cursor', 'x'], '--cursor: expected the cursor of a page before'],
  ['neither ids nor a filter', ['cancel', '--reason', 'x'], 'id: expected ids, or flags that say'],
  ['ids and a filter', ['cancel', ID, '--kind', 'a', '--reason', 'x'], 'not both'],
  ['many jobs without a yes', ['retry', '--all', '--reason', 'x'], '--yes: expected where nobody'],
  [
    'a payload for many',
    ['retry', '--all', '--yes', '--payload', '1', '--reason', 'x'],
    '--payload: expected with ids only',
  ],
  ['no reason', ['cancel', ID], "required option '--reason <text>' not specified"],
  [
    'a blank reason',
    ['cancel', ID, '--reason', ' '],
    'reason: expected printable text of 1 to 255 bytes',
  ],
  [
    'a short id of another sort',
    ['get', '3-1042'],
    'id: expected a UUID or a short id like 3/1042, got "3-1042"',
  ],
  ['a database for the demo', ['demo'], '--database: expected none'],
  [
    'two databases',
    ['stats', '--data', 'here'],
    '--database, --data: expected one of them, not both',
  ],
  ['a blank schema', ['stats', '--schema', ''], 'schema: expected'],
];

test.each(CASES)('%s is refused in one line with exit code 2', async (_, args, text) => {
  const line = expectRefused(await cliOn(database.url).run(args));
  expect(line).toContain(text);
});

test.each([
  ['of commander', ['list', '--fialed'], "unknown option '--fialed'"],
  ['without a command', [], 'expected a command'],
  ['of the command', [...enqueue, '1', '--atomic'], '--atomic: expected only with --ndjson'],
  ['of the library', [...enqueue, '1', '--priority', '32768'], 'priority: expected an integer'],
])('with --json a refusal %s is one object on stdout', async (_, args, text) => {
  const answer = await cliOn(database.url).run([...args, '--json']);
  expect(answer.code).toBe(2);
  expect(errorOf(answer)).toEqual({
    code: 'BAD_INPUT',
    message: expect.stringContaining(text) as unknown,
  });
});

test('no bad input left a job behind', async () => {
  await expect(ledger.stats()).resolves.toMatchObject({ enqueued: 0, events: 0 });
});

test('an oversized payload is refused', async () => {
  const run = (stdin: string) => cliOn(database.url).run([...enqueue, '-'], { stdin });
  const event = await run(`"${'x'.repeat(800_000)}"`);
  expect(expectRefused(event)).toContain('payload: expected an event of at most 786432 bytes');
  const text = await run(`"${'x'.repeat(9_000_000)}"`);
  expect(expectRefused(text)).toContain('payload: expected at most 8388608 bytes of text');
});

const NO_MODULES: readonly (readonly [string, string, string])[] = [
  ['broken.mjs', 'export const a = ;', 'broken.mjs:1: SyntaxError: '],
  [
    'throws.mjs',
    "throw new TypeError('no\\nway')",
    'throws.mjs threw while loading: TypeError: no way',
  ],
  [
    'missing.mjs',
    "import 'not-installed'",
    "missing.mjs threw while loading: Error: Cannot find package 'not-installed'",
  ],
  ['empty.mjs', 'export const helper = 1', 'found none'],
  ['default.mjs', 'export default { a: 1 }', 'expected an array of jobs, got an object'],
  ['element.mjs', 'export default [() => 1]', 'default[0] of'],
  ['notes.txt', '', 'cannot run .txt files'],
];

test('a module of jobs that cannot be used is refused in one line that names it', async () => {
  const folder = removeAfterFile(await dataHome());
  for (const [name, text, expected] of NO_MODULES) {
    await writeFile(join(folder, name), text);
    const line = expectRefused(
      await cliOn(database.url).run(['work', '--jobs', join(folder, name)]),
    );
    expect(line).toContain('--jobs: ');
    expect(line).toContain(name);
    expect(line).toContain(expected);
  }
  const gone = await cliOn(database.url).run(['work', '--jobs', join(folder, 'gone.mjs')]);
  expect(expectRefused(gone)).toContain('--jobs: expected a file, there is none at');
  const self = await cliOn(database.url).run(['work', '--jobs', folder]);
  expect(expectRefused(self)).toContain('is none');
});

test('a schema for the demo is refused, which has a database of its own', async () => {
  const line = expectRefused(await cli(['demo', '--schema', 'mine']));
  expect(line).toContain('--schema: expected none, the demo runs on an embedded database');
});

test('a kind that two jobs claim is refused, with both places', async () => {
  const path = new URL('./fixtures/duplicates.mjs', import.meta.url).pathname;
  const line = expectRefused(await cliOn(database.url).run(['work', '--jobs', path]));
  expect(line).toContain('kind "twice" is defined twice');
  expect(line).toContain('one and two');
});

test('worker options are checked together, all faults at once', async () => {
  const jobs = new URL('./fixtures/jobs.mjs', import.meta.url).pathname;
  const options = ['--concurrency', '0', '--lease', '1s', '--grace', '90d', '--queues', 'a,b'];
  const line = expectRefused(await cliOn(database.url).run(['work', '--jobs', jobs, ...options]));
  for (const flag of ['--concurrency', '--lease', '--grace'])
    expect(line).toContain(`${flag}: expected`);
  expect(line).not.toMatch(/[a-z]Ms\b/);
});

test('bad worker options make no database where none is named', async () => {
  const jobs = new URL('./fixtures/jobs.mjs', import.meta.url).pathname;
  const folder = removeAfterFile(await temporaryFolder());
  const answer = await cli(['work', '--jobs', jobs, '--concurrency', '0'], { cwd: folder });
  expect(expectRefused(answer)).toContain('--concurrency: expected');
  expect(await readdir(folder)).toEqual([]);
});

test('without a command the help is printed and the exit code is 2', async () => {
  const answer = await cli([]);
  expect(answer.code).toBe(2);
  expect([...answer.lines, ...answer.errorLines].join('\n')).toContain('Usage: jobledger');
});
