import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type Ledger } from '../../src/index.js';
import { cliOn } from '../support/cli.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { fail } from '../support/fail-job.js';
import { onServer } from '../support/postgres.js';

const by = ['--reason', 'why', '--actor', 'ada'];

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

const LISTED = [
  ...['id', 'shortId', 'kind', 'queue', 'state', 'priority', 'attempt', 'maxAttempts'],
  ...['createdAt', 'runAt'],
];

test('list --json gives what is promised of each job, and of failed ones why', async () => {
  await ledger.enqueue('json.waits', 1, { delay: 60_000 });
  const failed = await ledger.enqueue('json.fails', 1, { maxAttempts: 1 });
  await fail(ledger, 'json.fails', failed.id);
  const [waiting] = (await on.json(['list', '--scheduled'])) as object[];
  expect(Object.keys(waiting!)).toEqual(LISTED);
  const [ended] = (await on.json(['list', '--failed'])) as object[];
  expect(Object.keys(ended!)).toEqual([
    ...LISTED,
    ...['failedAt', 'decision', 'category', 'message'],
  ]);
  expect(ended).toMatchObject({
    id: failed.id,
    decision: 'non-retryable',
    attempt: 1,
    maxAttempts: 1,
  });
});

test('history --json gives every field of every event', async () => {
  const { shortId } = await ledger.enqueue('json.history', { n: 1 }, { actor: 'ada' });
  const events = (await on.json(['history', shortId!])) as object[];
  expect(events.map((event) => Object.keys(event))).toEqual([
    [
      ...['partition', 'position', 'streamId', 'version', 'type', 'schemaVersion', 'kind'],
      ...['queue', 'data', 'meta', 'recordedAt'],
    ],
  ]);
  expect(events[0]).toMatchObject({ data: { payload: { n: 1 } }, meta: { actor: 'ada' } });
});

test('enqueue --json answers id, short id, whether it is new, and state', async () => {
  const args = ['enqueue', 'json.once', '--payload', '1', '--unique-key', 'k'];
  const first = (await on.json(args)) as object;
  expect(first).toEqual({
    id: expect.any(String) as unknown,
    shortId: expect.stringMatching(/^\d+\/\d+$/) as unknown,
    ...{ created: true, state: 'available' },
  });
  await expect(on.json(args)).resolves.toEqual({ ...first, created: false });
});

test('a short id is taken wherever an id is', async () => {
  const { id, shortId } = await ledger.enqueue('json.short', 1, { maxAttempts: 1 });
  const short = shortId!;
  await expect(on.json(['reprioritize', short, '--to', '3', ...by])).resolves.toMatchObject({ id });
  await fail(ledger, 'json.short', id);
  await expect(on.json(['retry', short, ...by])).resolves.toMatchObject({ id });
  await expect(on.json(['cancel', short, ...by])).resolves.toMatchObject({ id, shortId });
  const later = await ledger.enqueue('json.short', 2, { delay: 60_000 });
  for (const args of [['reschedule', '--delay', '1h'], ['discard'], ['get'], ['history']]) {
    const [command = '', ...flags] = args;
    const more = ['get', 'history'].includes(command) ? [] : by;
    const answer = await on.json([command, later.shortId!, ...flags, ...more]);
    expect(JSON.stringify(answer)).toContain(later.id);
  }
});

const HOSTILE = `it's "x"; drop table jobledger.events; -- 🙂`;

test('hostile names pass through every command', async () => {
  const flags = ['--queue', HOSTILE, '--tenant', HOSTILE, '--actor', HOSTILE];
  const keys = ['--unique-key', HOSTILE, '--correlation-id', HOSTILE, '--principal', HOSTILE];
  const made = await on.json(['enqueue', HOSTILE, '--payload', '1', ...flags, ...keys]);
  const { id } = made as { id: string };
  await expect(on.json(['get', id])).resolves.toMatchObject({
    ...{ kind: HOSTILE, queue: HOSTILE, unique: { key: HOSTILE } },
    meta: { actor: HOSTILE, tenant: HOSTILE, correlationId: HOSTILE, principal: HOSTILE },
  });
  const listed = await on.json(['list', '--kind', HOSTILE, '--queue', HOSTILE]);
  expect(listed).toMatchObject([{ id }]);
  const operator = ['--reason', HOSTILE, '--actor', HOSTILE];
  await expect(on.json(['cancel', id, ...operator])).resolves.toMatchObject({ reason: HOSTILE });
  for (const command of [['get', id], ['history', id], ['list'], ['stats']]) {
    const told = await on.run(command);
    expect(told).toMatchObject({ code: 0 });
    expect(told.lines.join('\n')).toContain(HOSTILE);
  }
  await expect(on.json(['verify'])).resolves.toMatchObject({ verified: true });
});

test('with several ids each is answered, though one refuses the payload or cannot be read', async () => {
  const jobs = new URL('./fixtures/jobs.mjs', import.meta.url).pathname;
  const ids: string[] = [];
  for (const kind of ['refuse', 'greet', 'wait', 'ignore']) {
    const { id } = await ledger.enqueue(kind, { name: 'Ada' }, { maxAttempts: 1 });
    await fail(ledger, kind, id);
    ids.push(id);
  }
  await onServer(
    database.url,
    `insert into jobledger.events select partition, (select max(position) + 1 from jobledger.events m
        where m.partition = e.partition), stream_id, 99, 'JobDeduplicated', 2, kind, queue, '{}', '{}',
        now() from jobledger.events e where stream_id = '${ids[3]}' and version = 1`,
  );
  const order = [ids[0]!, ids[3]!, ids[1]!, ids[2]!];
  const args = ['retry', ...order, '--reason', 'why', '--jobs', jobs, '--payload', '7', '--json'];
  const answer = await on.run(args);
  expect(answer.code).toBe(2);
  expect(answer.lines.map((line) => JSON.parse(line) as object)).toMatchObject([
    { id: ids[0], state: 'available' },
    { id: ids[3], error: { code: 'ILLEGAL_STATE' } },
    { id: ids[1], error: { code: 'PAYLOAD_INVALID' } },
    { id: ids[2], state: 'available' },
  ]);
});
