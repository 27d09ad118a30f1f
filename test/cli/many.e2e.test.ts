import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type BulkPreview, type JobPage, type Ledger } from '../../src/index.js';
import { project } from '../query/populate.js';
import { answerOf, cliOn, expectRefused } from '../support/cli.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { startCli } from '../support/processes.js';

const by = ['--reason', 'meant for nobody', '--actor', 'ada'];

let database: TestDatabase;
let ledger: Ledger;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger({ database: database.url, logger: false });
  on = cliOn(database.url);
});

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

async function enqueue(job: string, count: number, tenant = 'acme'): Promise<readonly string[]> {
  const items = Array.from({ length: count }, (_, n) => ({
    ...{ job, tenant, delay: 3_600_000 },
    payload: { n, customer: { id: `c-${n % 2}` } },
  }));
  return (await ledger.enqueueMany(items)).map(({ id }) => id);
}

test('list without the read model says what to run, and finds by state, kind and queue', async () => {
  await enqueue('plain', 1);
  expect(expectRefused(await on.run(['list', '--tenant', 'acme']))).toContain('jobledger project');
  await expect(on.json(['list', '--scheduled', '--kind', 'plain'])).resolves.toHaveLength(1);
  await expect(on.json(['list', '--count', '--kind', 'plain'])).resolves.toEqual({ count: 1 });
});

test('list goes from page to page by the cursor that it gives', async () => {
  const ids = await enqueue('paged', 10);
  await project(ledger);
  const args = ['list', '--kind', 'paged', '--payload-field', 'customer.id=c-1'];
  const first = (await on.json([...args, '--limit', '3', '--cursor', 'first'])) as JobPage;
  expect(first).toMatchObject({ lagEvents: 0, next: expect.any(String) as unknown });
  const second = (await on.json([...args, '--cursor', first.next!])) as JobPage;
  expect(second.next).toBeNull();
  const seen = [...first.jobs, ...second.jobs].map(({ id }) => id);
  expect(new Set(seen)).toEqual(new Set(ids.filter((_, n) => n % 2 === 1)));
  const shown = await on.run([...args, '--limit', '3', '--enqueued-after', '1h']);
  expect(shown.lines).toHaveLength(4);
  expect(shown.errorLines[0]).toMatch(/^jobledger: more: --cursor [\w-]+$/);
  const counted = await on.run([...args, '--count', '--enqueued-before', '1h']);
  expect(counted.lines).toEqual(['0']);
});

test('a dry run tells how many and which, and without a terminal only --yes does it', async () => {
  const ids = await enqueue('many', 12);
  await project(ledger);
  const args = ['cancel', '--kind', 'many', '--tenant', 'acme', '--payload-field', 'n=7'];
  const preview = (await on.json([...args, '--dry-run'])) as BulkPreview;
  expect(preview).toMatchObject({ matched: 1, samples: [{ id: ids[7] }] });
  const told = await on.run([...args.slice(0, 3), '--dry-run']);
  expect(told).toMatchObject({ code: 0, errorLines: [] });
  expect(told.lines[0]).toBe('12 jobs');
  expectRefused(await on.run([...args, ...by]));
  expect((await ledger.get(ids[7]!))!.state).toBe('scheduled');
  const done = await on.run([...args, ...by, '--yes']);
  expect(done).toMatchObject({ code: 0, lines: ['canceled 1 job'], errorLines: [] });
  expect(await ledger.get(ids[7]!)).toMatchObject({ state: 'canceled', reason: by[1] });
  const all = (await on.json(['discard', '--kind', 'many', ...by, '--yes'])) as object;
  expect(all).toEqual({ done: 11, refused: 0, refusals: [], next: null });
});

test.each(['SIGINT', 'SIGKILL'] as const)(
  'after %s the same command does the rest, and each job once',
  async (signal) => {
    const ids = await enqueue(`cut.${signal}`, 300);
    const args = ['discard', '--kind', `cut.${signal}`, '--batch', '1', ...by, '--yes'];
    const cut = startCli([...args, '--database', database.url]);
    const discarded = () => ledger.count({ state: 'discarded', kind: `cut.${signal}` });
    await eventually(async () => (await discarded()) > 5, { everyMs: 2 });
    cut.signal(signal);
    const answer = await answerOf(cut);
    expect(await discarded()).toBeLessThan(300);
    if (signal === 'SIGINT') {
      expect(answer.code).toBe(130);
      expect(answer.errorLines.join('\n')).toMatch(/the rest: the same command, or --cursor \w+/);
    }
    expect(await on.run(args)).toMatchObject({ code: 0 });
    expect(await discarded()).toBe(300);
    for (const id of ids) expect(await ledger.history(id)).toHaveLength(2);
  },
  60_000,
);
