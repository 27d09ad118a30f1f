import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  openLedger,
  type LedgerDiff,
  type Ledger,
  type JobPage,
  type PastStats,
} from '../../src/index.js';
import { projections } from '../../projections/index.js';
import { cliOn, expectRefused } from '../support/cli.js';
import { createDatabase, type TestDatabase } from '../support/database.js';

let database: TestDatabase;
let ledger: Ledger;
let on: ReturnType<typeof cliOn>;
let id: string;
let before: string;
let between: string;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger({ database: database.url, logger: false });
  on = cliOn(database.url);
  before = await ledger.instant({ agoMs: 0 });
  ({ id } = await ledger.enqueue('mail', 1, { queue: 'slow' }));
  between = await ledger.instant({ agoMs: 0 });
  await ledger.cancel(id, { actor: 'ada', reason: 'sent twice' });
  await ledger.projector({ projections }).catchUp();
});

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

test('a job, a list and counts are told as they were, with the instant', async () => {
  expect(await on.json(['get', id])).toMatchObject({ state: 'canceled' });
  const job = await on.json(['get', id, '--as-of', between]);
  expect(job).toMatchObject({ state: 'available', asOf: between });
  expect(await on.json(['history', id, '--as-of', between])).toHaveLength(1);
  const page = (await on.json(['list', '--as-of', between, '--cursor', 'first'])) as JobPage;
  expect(page).toMatchObject({ asOf: between, jobs: [{ id, state: 'available' }], next: null });
  expect(await on.json(['list', '--count', '--available', '--as-of', between])).toEqual({
    count: 1,
    asOf: between,
  });
  const stats = (await on.json(['stats', '--as-of', between])) as PastStats;
  expect(stats).toMatchObject({ at: between, enqueued: 1, events: 1, states: { available: 1 } });
});

test('the instant is said to people too', async () => {
  const text = `as of ${between.slice(0, 10)} ${between.slice(11, -1)} UTC`;
  for (const command of [['get', id], ['list'], ['history', id]])
    expect((await on.run([...command, '--as-of', between])).lines[0]).toContain(text);
  expect((await on.run(['stats', '--as-of', between])).lines.at(-1)).toContain(text);
});

test('a job that was not there yet is not found', async () => {
  const refused = await on.run(['get', id, '--as-of', before]);
  expect(expectRefused(refused, 1)).toContain(`job ${id}: not found as of ${before}`);
  expect(await on.json(['list', '--as-of', '1h'])).toEqual([]);
});

test('diff says what changed', async () => {
  const diff = (await on.json(['diff', '--from', between, '--queue', 'slow'])) as LedgerDiff;
  expect(diff).toMatchObject({
    from: between,
    events: { JobCanceled: 1 },
    moves: [{ from: 'available', to: 'canceled', jobs: 1, sample: id }],
    failures: [],
  });
  const { lines } = await on.run(['diff', '--from', before, '--to', between]);
  expect(lines.join('\n')).toMatch(
    /available +0 +1 +\+1[^]*JobEnqueued +1[^]*not there +available +1/,
  );
});

test('a time that cannot be read, or is yet to come, is refused by its flag', async () => {
  expect(expectRefused(await on.run(['stats', '--as-of', 'yesterday']))).toMatch(
    /^jobledger: --as-of: expected ISO 8601 with a zone, or so long ago: .*got "yesterday"/,
  );
  for (const said of ['--error-text', '--payload-field'])
    expect(expectRefused(await on.run(['list', '--as-of', '0s', said, 'a=1']))).toBe(
      `jobledger: ${said}: cannot be asked for together with --as-of`,
    );
  expect(expectRefused(await on.run(['diff', '--from', '0s', '--to', '10m']))).toMatch(
    /^jobledger: --from: expected a time not after --to /,
  );
  expect(expectRefused(await on.run(['list', '--as-of', '2999-01-01T00:00:00Z']))).toMatch(
    /^jobledger: --as-of: expected a time that has passed/,
  );
  expect(expectRefused(await on.run(['diff', '--from', '2026-01-01']))).toMatch(/--from: expected/);
  expect(expectRefused(await on.run(['diff']))).toMatch(/--from/);
});
