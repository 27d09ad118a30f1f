import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type Ledger, type ProjectionStatus } from '../../src/index.js';
import { cliOn, expectRefused } from '../support/cli.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { startCli } from '../support/processes.js';
import { ask } from '../worker/site.js';

const MODELS = new URL('./fixtures/read-models.mjs', import.meta.url).pathname;
const JOBS = new URL('./fixtures/jobs.mjs', import.meta.url).pathname;
const WITH = ['--projections', MODELS];

let database: TestDatabase;
let ledger: Ledger;
let command: ReturnType<typeof cliOn>;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger({ database: database.url, migrate: true });
  command = cliOn(database.url);
});

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

const run: ReturnType<typeof cliOn>['run'] = (args, options) => command.run(args, options);

const status = async (...args: string[]) =>
  (await command.json(['projections', 'status', ...args])) as ProjectionStatus[];

const kinds = () => ask(database.url, 'select * from jobledger.by_kind order by kind');

test('read models are made, followed, changed and rolled back from the command line', async () => {
  expect((await run(['projections', 'list'])).lines.join()).toMatch(/no read models yet/);
  await ledger.enqueueMany(['a', 'a', 'b'].map((kind) => ({ job: kind, payload: 1 })));
  const rebuilt = await run(['projections', 'rebuild', 'by-kind', ...WITH]);
  expect(rebuilt).toMatchObject({ code: 0 });
  expect(rebuilt.lines[0]).toMatch(
    /^rebuilt by-kind 1: 3 events in .*; jobledger.by_kind shows it$/,
  );
  const projector = startCli(['project', ...WITH, '--database', database.url], {
    env: { NEWER: '1' },
  });
  await projector.waitForLine(
    /^projector started: 3 read models \(by-kind 1, by-kind 2, picky 1\)/,
  );
  await eventually(async () =>
    expect(await kinds()).toEqual([
      { kind: 'a', jobs: '2', latest: 'a' },
      { kind: 'b', jobs: '1', latest: 'b' },
    ]),
  );
  const back = await run(['projections', 'rollback', 'by-kind', ...WITH]);
  expect(back.lines).toEqual(['jobledger.by_kind shows by-kind 1 again']);
  expect(await kinds()).toContainEqual({ kind: 'a', jobs: '2' });
  const listed = await run(['projections', 'list']);
  expect(listed.lines).toHaveLength(4);
  expect(listed.lines[1]).toMatch(/^by-kind +1 +live +3 +0 +0 +jobledger.by_kind$/);
  expectRefused(await run(['projections', 'drop', 'by-kind', '1']), 1);
  expect((await run(['projections', 'drop', 'by-kind', '2'])).lines).toEqual(['dropped by-kind 2']);
  await projector.kill('SIGTERM');
  expect(projector.lines.at(-1)).toMatch(/^projector stopped/);
});

test('a pause holds for every process, and status says so', async () => {
  await run(['projections', 'rebuild', 'picky', ...WITH]);
  expect((await run(['projections', 'pause', 'picky'])).code).toBe(0);
  expect(await status('picky')).toMatchObject([{ paused: true }]);
  const held = await run(['projections', 'rebuild', 'picky', ...WITH]);
  expect(held).toMatchObject({ code: 1 });
  expect(held.errorLines.at(-1)).toMatch(/projection picky: it is paused/);
  expect((await run(['projections', 'resume', 'picky'])).code).toBe(0);
  expect((await run(['projections', 'rebuild', 'picky', ...WITH])).code).toBe(0);
});

test('parked jobs are told, and folded again when the code can', async () => {
  const { id } = await ledger.enqueue('bad', 1);
  await run(['projections', 'rebuild', 'picky', ...WITH]);
  const parked = await run(['projections', 'parked']);
  expect(parked.lines[1]).toContain(id);
  expect(parked.lines[1]).toMatch(/no bad ones$/);
  const again = await run(['projections', 'unpark', 'picky', ...WITH]);
  expect(again).toMatchObject({ code: 1 });
  const mended = { env: { MENDED: '1' } };
  expect((await run(['projections', 'unpark', 'picky', id, ...WITH], mended)).lines).toEqual([
    'unparked 1 job of picky',
  ]);
  expect((await run(['projections', 'verify', ...WITH], mended)).lines).toEqual([
    expect.stringMatching(/^by-kind 1 verified 2 rows, 3 events/),
    expect.stringMatching(/^picky 1 verified 4 rows, 4 events/),
  ]);
});

test('a row that differs is named, with what the log says', async () => {
  await run(['projections', 'rebuild', 'by-kind', ...WITH]);
  const [{ table } = { table: '' }] = await status('by-kind');
  await ask(database.url, `update ${table} set jobs = 9 where kind = 'a'`);
  const answer = await run(['projections', 'verify', 'by-kind', ...WITH]);
  expect(answer).toMatchObject({ code: 1 });
  expect(answer.lines[0]).toBe('by-kind, kind a: differs: jobs is 9, expected 2');
});

test('one command runs jobs and shows them', async () => {
  const up = startCli(['up', '--jobs', JOBS, '--database', database.url]);
  await up.waitForLine(/^worker \d+ started/);
  const { id } = await ledger.enqueue('greet', { name: 'ada' });
  await eventually(async () => {
    const rows = await ask(database.url, 'select state from jobledger.jobs where id = $1', [id]);
    expect(rows).toEqual([{ state: 'succeeded' }]);
  });
  await expect(up.kill('SIGTERM')).resolves.toEqual({ code: 0, signal: null });
});

test('what cannot be is refused in a line', async () => {
  const unknown = await run(['projections', 'rebuild', 'nothing', ...WITH]);
  expect(expectRefused(unknown, 1)).toMatch(
    /there is no projection nothing; this program has by-kind, picky$/,
  );
  expect(expectRefused(await run(['projections', 'drop', 'by-kind', 'x']))).toMatch(/version/);
  for (const command of ['pause', 'status', 'parked', 'unpark'])
    expect(expectRefused(await run(['projections', command, 'nothing']), 1)).toMatch(
      /there is no projection nothing/,
    );
  expect(expectRefused(await run(['projections', 'show', 'by-kind', '--limit', '0']))).toMatch(
    / --limit: expected an integer from 1 to 1000/,
  );
});
