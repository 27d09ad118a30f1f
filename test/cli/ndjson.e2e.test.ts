import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type Ledger } from '../../src/index.js';
import { cliOn } from '../support/cli.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { startCli } from '../support/processes.js';

let database: TestDatabase;
let ledger: Ledger;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  database = await createDatabase();
  ledger = await openLedger({ database: database.url, migrate: true });
  on = cliOn(database.url);
});

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

test('each line is answered by one line, in order', async () => {
  const kind = 'in-order';
  const lines = Array.from({ length: 3_000 }, (_, n) => line({ kind, payload: n }));
  const answer = await on.run(['enqueue', '--ndjson', '--queue', 'bulk'], {
    stdin: lines.join('\n'),
  });
  expect(answer).toMatchObject({ code: 0, errorLines: [] });
  expect(answer.lines).toHaveLength(lines.length);
  for (const n of [0, 1_234, 2_999]) {
    const job = await ledger.get(answer.lines[n]?.split('  ')[0] ?? '');
    expect(job).toMatchObject({ payload: n, queue: 'bulk' });
  }
});

test('flags stand in for what a line leaves out, a time for a delay too', async () => {
  const lines = [
    line({ kind: 'when', payload: 1, runAt: '2099-01-31T08:00:00Z' }),
    line({ kind: 'when', payload: 2 }),
    line({ kind: 'when', payload: 3, delay: 0 }),
  ];
  for (const more of [[], ['--atomic']]) {
    const flags = ['enqueue', '--ndjson', '--delay', '1h', ...more];
    const answer = await on.run(flags, { stdin: lines.join('\n') });
    expect(answer).toMatchObject({ code: 0, errorLines: [] });
    const ids = answer.lines.map((one) => one.split('  ')[0] ?? '');
    const [at, later, now] = await Promise.all(ids.map((id) => ledger.get(id)));
    expect(at).toMatchObject({ state: 'scheduled', runAt: '2099-01-31T08:00:00.000000Z' });
    expect(later).toMatchObject({ state: 'scheduled' });
    expect(now).toMatchObject({ state: 'available' });
  }
});

test('answers come while the input is still open', async () => {
  const child = startCli(['enqueue', '--ndjson', '--json', '--database', database.url]);
  child.stdin.write(`${line({ kind: 'open', payload: 'ü', priority: 3 })}\n`);
  const first = JSON.parse(await child.waitForLine('"created":true')) as { id: string };
  await expect(ledger.get(first.id)).resolves.toMatchObject({ payload: 'ü', priority: 3 });
  child.stdin.end();
  await expect(child.exit).resolves.toMatchObject({ code: 0 });
});

const BAD: readonly (readonly [string, string, string])[] = [
  ['no JSON', '{"kind":', 'expected JSON'],
  ['a negative delay', '{"kind":"x","payload":1,"delay":-1}', 'delay: expected milliseconds'],
  ['an option of nobody', '{"kind":"x","payload":1,"a\\nb":1}', '"a\\nb": no such option'],
  ['a zero character', '{"kind":"x","payload":"\\u0000"}', 'payload: text with \\u0000'],
  ['a lone surrogate', '{"kind":"x","payload":"\\ud800"}', 'payload: '],
  [
    'an oversized payload',
    line({ kind: 'x', payload: 'x'.repeat(800_000) }),
    'payload: expected an event of at most',
  ],
];

test.each(BAD)(
  'a line with %s ends the stream by its number, without the next',
  async (name, bad, text) => {
    const kind = `bad ${name}`;
    const good = line({ kind, payload: 1 });
    const answer = await on.run(['enqueue', '--ndjson'], {
      stdin: [good, '', ' ', bad, good].join('\n'),
    });
    expect(answer.code).toBe(2);
    expect(answer.lines).toHaveLength(1);
    expect(answer.errorLines).toEqual([expect.stringContaining(text)]);
    expect(answer.errorLines[0]).toMatch(/^jobledger: line 4: .*; 1 line is enqueued$/);
    await expect(ledger.list({ kind })).resolves.toHaveLength(1);
  },
);

test('a taken unique key is told by line, and the rest goes on', async () => {
  const kind = 'keyed';
  const keyed = line({ kind, payload: 1, unique: { key: 'k', onConflict: 'reject' } });
  await on.run(['enqueue', '--ndjson'], { stdin: keyed });
  const answer = await on.run(['enqueue', '--ndjson', '--json'], {
    stdin: [keyed, line({ kind, payload: 2 })].join('\n'),
  });
  expect(answer.code).toBe(1);
  expect(answer.lines.map((one) => JSON.parse(one) as object)).toMatchObject([
    { line: 1, error: { code: 'UNIQUE_KEY_TAKEN' } },
    { created: true },
  ]);
});

test('with --atomic all lines are enqueued, or none', async () => {
  const kind = 'atomic';
  const good = line({ kind, payload: 1 });
  const args = ['enqueue', '--ndjson', '--atomic'];
  const bad = await on.run(args, {
    stdin: [good, '', line({ kind, payload: 1, priority: 1e6 })].join('\n'),
  });
  expect(bad).toMatchObject({ code: 2, lines: [] });
  expect(bad.errorLines).toEqual([
    expect.stringContaining(
      'line 3: priority: expected an integer from -32768 to 32767, got 1000000',
    ),
  ]);
  await expect(ledger.list({ kind })).resolves.toEqual([]);
  const answer = await on.run(args, { stdin: [good, good].join('\n') });
  expect(answer).toMatchObject({ code: 0, errorLines: [] });
  await expect(ledger.list({ kind })).resolves.toHaveLength(2);
});

test('a reader that goes away does not keep jobs from being enqueued', async () => {
  const kind = 'piped';
  const child = startCli(['enqueue', '--ndjson', '--database', database.url]);
  child.stdin.write(`${line({ kind, payload: 0 })}\n`);
  await child.waitForLine(/./);
  child.closeStdout();
  child.stdin.end(Array.from({ length: 50 }, () => line({ kind, payload: 1 })).join('\n'));
  await expect(child.exit).resolves.toMatchObject({ code: 0 });
  expect(child.errorLines).toEqual([]);
  await expect(ledger.list({ kind, limit: 100 })).resolves.toHaveLength(51);
});

test('a stream much larger than the memory passes through', { timeout: 120_000 }, async () => {
  const child = startCli(['enqueue', '--ndjson', '--database', database.url], {
    env: { NODE_OPTIONS: '--max-old-space-size=64' },
  });
  const text = `${line({ kind: 'large', payload: 'x'.repeat(100_000) })}\n`;
  const lines = 2_000;
  await pipeline(Readable.from(Array.from({ length: lines }, () => text)), child.stdin);
  await expect(child.exit).resolves.toMatchObject({ code: 0 });
  expect(child.lines).toHaveLength(lines);
});

test(
  'a stream of very many lines leaves nothing of them in memory',
  { timeout: 120_000 },
  async () => {
    const child = startCli(['enqueue', '--ndjson', '--database', database.url], {
      env: { NODE_OPTIONS: '--max-old-space-size=64' },
    });
    const blocks = 150;
    const thousand = `${line({ kind: 'many', payload: 1 })}\n`.repeat(1_000);
    await pipeline(Readable.from(Array.from({ length: blocks }, () => thousand)), child.stdin);
    await expect(child.exit).resolves.toMatchObject({ code: 0 });
    expect(child.lines).toHaveLength(blocks * 1_000);
  },
);

function line(value: object): string {
  return JSON.stringify(value);
}
