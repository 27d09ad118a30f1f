import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type Ledger, type RecordedEvent } from '../../src/index.js';
import { cliOn, errorOf, expectRefused } from '../support/cli.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { onServer } from '../support/postgres.js';
import { startCli } from '../support/processes.js';

const FIXTURES = new URL('./fixtures/jobs.mjs', import.meta.url).pathname;
const NOWHERE = '01a203bd-b1e4-7ce1-a0f1-b6e6a1c316e7';

let database: TestDatabase;
let ledger: Ledger;
let on: ReturnType<typeof cliOn>;

beforeAll(async () => {
  database = await createDatabase({ empty: true });
  on = cliOn(database.url);
  const migrated = await on.run(['migrate', '--partitions', '4']);
  expect(migrated).toMatchObject({ code: 0, errorLines: [] });
  expect(migrated.lines[0]).toMatch(/^migrated, \d+ steps?: /);
  ledger = await openLedger({ database: database.url });
});

afterAll(async () => {
  await ledger.close();
  await database.drop();
});

test('migrate may be repeated, and says that there was nothing to do', async () => {
  await expect(on.json(['migrate'])).resolves.toEqual({ applied: [] });
  expect(ledger.partitions).toBe(4);
});

test('enqueue answers id and short id, and get takes either', async () => {
  const options = ['--delay', '1h', '--priority', '-5', '--actor', 'ada', '--tenant', 'acme'];
  const enqueued = await on.run(['enqueue', 'greet', '--payload', '{"name":"Ada"}', ...options]);
  expect(enqueued).toMatchObject({ code: 0, errorLines: [] });
  const [id, shortId] = enqueued.lines[0]?.split('  ') ?? [];
  const job = await on.json(['get', String(shortId)]);
  expect(job).toMatchObject({
    ...{ id, shortId, kind: 'greet', state: 'scheduled', priority: -5 },
    ...{ payload: { name: 'Ada' }, meta: { actor: 'ada', tenant: 'acme' } },
  });
  const shown = await on.run(['get', String(id)]);
  expect(shown.lines.join('\n')).toMatch(/^state +scheduled, due \d{4}-\d\d-\d\d .* UTC$/m);
});

test('enqueue reads its payload from a file and from stdin', async () => {
  const fromFile = await on.run(['enqueue', 'file', '--payload', '@package.json']);
  const fromStdin = await on.run(['enqueue', 'stdin', '--payload', '-'], { stdin: '[1, "ü"]' });
  const payloads = [fromFile, fromStdin].map(
    async ({ lines }) => (await ledger.get(idOf(lines[0])))?.payload,
  );
  await expect(Promise.all(payloads)).resolves.toMatchObject([{ name: 'jobledger' }, [1, 'ü']]);
});

test('enqueue with a taken unique key answers the job that has it, or is refused', async () => {
  const args = ['enqueue', 'once', '--payload', '1', '--unique-key', 'k', '--timeout', 'none'];
  const first = (await on.json(args)) as { id: string };
  await expect(on.json(args)).resolves.toMatchObject({ id: first.id, created: false });
  const again = await on.run(args);
  expect(again.lines[0]).toContain('already there, available');
  expectRefused(await on.run([...args, '--on-conflict', 'reject']), 1);
  await expect(ledger.get(first.id)).resolves.toMatchObject({ timeoutMs: null });
});

test('enqueue with the jobs of a module refuses their bad payloads and foreign kinds', async () => {
  const jobs = ['--jobs', FIXTURES];
  const payload = await on.run(['enqueue', 'greet', '--payload', '{"name":1}', ...jobs]);
  expect(expectRefused(payload)).toMatch(/payload of "greet": name: /);
  const kind = await on.run(['enqueue', 'greets', '--payload', '1', ...jobs]);
  expect(expectRefused(kind)).toContain("kind: expected one of this ledger's kinds");
});

test('a command ends though a module of jobs holds something open', async () => {
  const path = new URL('./fixtures/holds-open.mjs', import.meta.url).pathname;
  const args = ['enqueue', 'held', '--payload', '1', '--jobs', path];
  await expect(on.run(args)).resolves.toMatchObject({ code: 0, errorLines: [] });
});

test('a job can be rescheduled, reprioritized, canceled and discarded, with actor and reason', async () => {
  const [one, two] = await Promise.all(
    [1, 2].map(() => ledger.enqueue('moved', null, { delay: 3_600_000 })),
  );
  const by = ['--reason', 'because', '--actor', 'ada'];
  const at = '2099-01-31T08:00:00Z';
  await on.run(['reschedule', one!.id, '--at', at, ...by]);
  await on.run(['reprioritize', one!.id, '--to', '-7', ...by]);
  const canceled = await on.run(['cancel', one!.shortId!, ...by]);
  expect(canceled.lines).toEqual([`${one!.id}  ${one!.shortId}  canceled`]);
  await expect(on.json(['discard', two!.id, ...by])).resolves.toMatchObject({ state: 'discarded' });
  const events = (await on.json(['history', one!.id])) as readonly RecordedEvent[];
  expect(events.map(({ type, meta, data }) => [type, meta.actor, 'reason' in data])).toEqual([
    ['JobEnqueued', undefined, false],
    ['JobRescheduled', 'ada', true],
    ['JobReprioritized', 'ada', true],
    ['JobCanceled', 'ada', true],
  ]);
  expect(events[1]?.data).toMatchObject({ to: '2099-01-31T08:00:00.000000Z' });
});

test('with several ids each is answered, and one refusal makes the exit code 1', async () => {
  const [one, two] = await Promise.all([1, 2].map(() => ledger.enqueue('several', null)));
  await ledger.cancel(one!.id, { actor: 'ada', reason: 'first' });
  const ids = [one!.id, NOWHERE, two!.id];
  const answer = await on.run(['cancel', ...ids, '--reason', 'all']);
  expect(answer.code).toBe(1);
  expect(answer.lines).toEqual([`${two!.id}  ${two!.shortId}  canceled`]);
  expect(answer.errorLines).toEqual([
    expect.stringContaining(`${one!.id} is canceled`),
    `jobledger: job ${NOWHERE}: not found`,
  ]);
  const asJson = await on.run(['cancel', ...ids, '--reason', 'all', '--json']);
  const answers = asJson.lines.map((line) => JSON.parse(line) as { error: { code: string } });
  expect(answers.map(({ error }) => error.code)).toEqual([
    'ILLEGAL_STATE',
    'JOB_NOT_FOUND',
    'ILLEGAL_STATE',
  ]);
});

test.each([
  ['retry', '--attempts', '0', '--attempts: expected an integer from 1 to 32767, got 0'],
  ['retry', '--attempts', 'two', '--attempts: expected an integer, got "two"'],
  ['retry', '--payload', '{', 'payload: expected JSON: '],
  ['reprioritize', '--to', '32768', '--to: expected an integer from -32768 to 32767, got 32768'],
  ['reprioritize', '--to', '1.5', '--to: expected an integer, got "1.5"'],
  ['reschedule', '--at', 'soon', '--at: expected a valid Date or ISO 8601 text'],
  ['reschedule', '--delay', '-1', '--delay: expected a duration from 0'],
  ['reschedule', '--delay', '999999999999d', '--delay: expected a duration that ends within'],
  ['cancel', '--actor', ' ', '--actor: expected printable text'],
])('%s %s %s is refused by its flag, and changes nothing', async (command, flag, value, text) => {
  const { id } = await ledger.enqueue('operated', 1, { delay: 3_600_000 });
  const answer = await on.run([command, id, '--reason', 'why', flag, value]);
  expect(expectRefused(answer)).toContain(`jobledger: ${text}`);
  await expect(ledger.history(id)).resolves.toHaveLength(1);
});

test('an id that is none changes no job', async () => {
  const { id } = await ledger.enqueue('kept', null);
  const answer = await on.run(['cancel', id, 'nonsense', '--reason', 'all']);
  expect(expectRefused(answer)).toContain('id: expected a UUID or a short id like 3/1042');
  await expect(ledger.get(id)).resolves.toMatchObject({ state: 'available' });
});

test('a job that is not there is exit code 1', async () => {
  for (const command of ['get', 'history']) {
    const answer = await on.run([command, NOWHERE]);
    expect(expectRefused(answer, 1)).toBe(`jobledger: job ${NOWHERE}: not found`);
    const asJson = await on.run([command, NOWHERE, '--json']);
    expect(asJson.errorLines).toEqual(answer.errorLines);
    expect(errorOf(asJson)).toEqual({
      code: 'JOB_NOT_FOUND',
      message: `job ${NOWHERE}: not found`,
    });
  }
});

test('what a worker did stands in lists, stats, history and verify', async () => {
  const { id } = await ledger.enqueue('greet', { name: 'Eve' });
  const failing = await ledger.enqueue('refuse', null);
  const worker = startCli(['work', '--jobs', FIXTURES, '--database', database.url]);
  await worker.waitForLine(/^worker \d+ started: 6 kinds/);
  await eventually(async () => (await ledger.get(failing.id))?.state === 'failed');
  await eventually(async () => (await ledger.get(id))?.state === 'succeeded');
  await worker.kill('SIGTERM');

  const failed = (await on.json(['list', '--failed', '--kind', 'refuse'])) as object[];
  expect(failed).toMatchObject([
    { id: failing.id, state: 'failed', attempt: 1, category: 'unknown' },
  ]);
  const listed = await on.run(['list', '--failed', '--limit', '1']);
  expect(listed.lines).toHaveLength(2);
  expect(listed.lines[1]).toContain('no such user \ufffd[31mred');
  expect(listed.lines[1]).not.toContain('\u001b');
  const timeline = (await on.run(['history', failing.id])).lines;
  expect(timeline[0]).toContain(`refuse in queue default  ${failing.id}`);
  expect(timeline.join('\n')).toMatch(
    new RegExp(`AttemptStarted .* on worker \\d+ \\(.*, pid ${worker.pid}\\)`),
  );
  expect(timeline.join('\n')).toMatch(
    /AttemptFailed .* NonRetryableError .* the job failed: non-retryable/,
  );
  const stats = (await on.json(['stats'])) as { states: Record<string, number>; enqueued: number };
  expect(Object.values(stats.states).reduce((sum, n) => sum + n, 0)).toBe(stats.enqueued);
  expect(stats.states['failed']).toBe(1);
  await expect(on.json(['verify'])).resolves.toMatchObject({ verified: true, differences: [] });

  const retried = await on.json([
    'retry',
    failing.id,
    '--reason',
    'mended',
    '--attempts',
    '2',
    '--payload',
    '7',
  ]);
  expect(retried).toMatchObject({ state: 'available', maxAttempts: 3, payload: 7 });
  expectRefused(await on.run(['retry', failing.id, '--reason', 'again']), 1);
});

test('check names what it found, and jobs that no worker takes', async () => {
  await ledger.enqueue('lonely', null);
  const answer = await on.run(['check', '--jobs', FIXTURES]);
  expect(answer.code).toBe(0);
  const text = answer.lines.join('\n');
  expect(text).toMatch(/^ok +jobs +6 kinds: /m);
  expect(text).toContain(ledger.ledgerId);
  expect(text).toMatch(
    /^note +workers +no live worker for lonely in queue default: 1 job waiting$/m,
  );
});

test('check goes on after a problem, and exits with its code', async () => {
  const answer = await on.run(['check', '--jobs', 'nowhere.mjs']);
  expect(answer.code).toBe(2);
  expect(answer.lines.filter((line) => line.startsWith('PROBLEM'))).toEqual([
    expect.stringContaining('expected a file, there is none at nowhere.mjs'),
  ]);
  expect(answer.lines.join('\n')).toContain(ledger.ledgerId);
});

test('verify names rows of the inbox that were set aside, which are no difference', async () => {
  await onServer(
    database.url,
    `insert into jobledger.inbox(payload, set_aside_at, error) values ('1', now(), 'kind: missing')`,
  );
  const answer = await on.run(['verify']);
  expect(answer).toMatchObject({ code: 0, errorLines: [] });
  expect(answer.lines[0]).toMatch(/^note: inbox row \d+ .* is set aside: kind: missing$/);
  expect(answer.lines.at(-1)).toMatch(/^verified: /);
  await onServer(database.url, 'delete from jobledger.inbox where set_aside_at is not null');
});

test('verify names what differs and exits with 1', async () => {
  const { id } = await ledger.enqueue('tampered', null);
  await onServer(database.url, `delete from jobledger.ready where job_id = '${id}'`);
  const answer = await on.run(['verify']);
  expect(answer.code).toBe(1);
  expect(answer.lines.filter((line) => line.includes(id))).toHaveLength(1);
  expect(answer.lines.at(-1)).toMatch(/^differs: 1 difference in /);
});

test('a job with an event of a newer program is listed with a note, and told raw', async () => {
  const { id } = await ledger.enqueue('newer', 1);
  await onServer(
    database.url,
    `insert into jobledger.events select partition, (select max(position) + 1 from jobledger.events m
        where m.partition = e.partition), stream_id, 2, 'AttemptStarted', 2, kind, queue,
        '{"worker": "nine"}', '{}', now() from jobledger.events e where stream_id = '${id}'`,
  );
  const listed = await on.run(['list', '--kind', 'newer']);
  expect(listed.code).toBe(0);
  expect(listed.lines[1]).toMatch(new RegExp(`^${id} .* this program cannot read its events: `));
  const told = await on.run(['history', id]);
  expect(told).toMatchObject({ code: 0, errorLines: [] });
  expect(told.lines.join()).toContain(
    '(its form 2 is newer than this program, which reads up to form 1) {"worker":"nine"}',
  );
});

function idOf(line: string | undefined): string {
  return line?.split('  ')[0] ?? '';
}
