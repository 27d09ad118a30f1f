import { afterAll, beforeAll, expect, test } from 'vitest';
import { openLedger, type Ledger, type StateName } from '../../src/index.js';
import { createDatabase, type TestDatabase } from '../support/database.js';
import { eventually } from '../support/eventually.js';
import { startCli, type TestProcess } from '../support/processes.js';

const FIXTURES = new URL('./fixtures/jobs.mjs', import.meta.url).pathname;

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

test('SIGTERM lets handlers end within the grace and gives the rest back, uncounted', async () => {
  const { id } = await ledger.enqueue('wait', null);
  const worker = await working('--grace', '2s', '--abort', '1900ms');
  await untilState(id, 'running');
  await expect(worker.kill('SIGTERM')).resolves.toEqual({ code: 0, signal: null });
  await expect(ledger.get(id)).resolves.toMatchObject({
    state: 'available',
    attempt: 1,
    counted: 0,
  });
  expect(worker.lines.at(-1)).toMatch(/^worker \d+ stopped$/);
  await end(id);
});

test('a handler that ignores its signal does not keep the process beyond the grace', async () => {
  const { id } = await ledger.enqueue('ignore', null);
  const worker = await working('--grace', '300ms', '--abort', '200ms', '--json');
  await untilState(id, 'running');
  await expect(worker.kill('SIGINT')).resolves.toEqual({ code: 0, signal: null });
  await expect(ledger.get(id)).resolves.toMatchObject({ state: 'available', counted: 0 });
  const events = worker.lines.map((line) => (JSON.parse(line) as { event: string }).event);
  expect(events).toEqual(['started', 'stopped']);
  for (const line of worker.errorLines) expect(JSON.parse(line)).toHaveProperty('level');
  await end(id);
});

test.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
] as const)('a second %s exits at once', async (signal, code) => {
  const { id } = await ledger.enqueue('ignore', null);
  const worker = await working('--grace', '10m');
  await untilState(id, 'running');
  worker.signal(signal);
  await eventually(() => worker.errorLines.some((line) => line.includes('a second signal exits')));
  await expect(worker.kill(signal)).resolves.toEqual({ code, signal: null });
  await ledger.cancel(id, { actor: 'test', reason: 'over' });
});

test('an exception that nothing caught is logged, ends the process, and loses no job', async () => {
  const neighbour = await ledger.enqueue('wait', null);
  const worker = await working();
  await untilState(neighbour.id, 'running');
  const { id } = await ledger.enqueue('stray', null, { maxAttempts: 1 });
  await expect(worker.exit).resolves.toEqual({ code: 70, signal: null });
  expect(worker.errorLines.join('\n')).toContain('a stray timer');
  for (const job of [id, neighbour.id]) {
    await expect(ledger.get(job)).resolves.toMatchObject({ state: 'available', counted: 0 });
    await end(job);
  }
});

test('a worker whose event loop stands still beyond the limit ends with a failure', async () => {
  const { id } = await ledger.enqueue('block', null);
  const worker = await working('--stall-limit', '1s', '--heartbeat', '200ms', '--lease', '1s');
  await untilState(id, 'running');
  await expect(worker.exit).resolves.not.toMatchObject({ code: 0 });
  expect(worker.errorLines.join('\n')).toContain('the event loop stood still');
});

test('kinds and queues may be narrowed', async () => {
  const elsewhere = await ledger.enqueue('greet', { name: 'Ada' }, { queue: 'elsewhere' });
  const here = await ledger.enqueue('greet', { name: 'Ada' }, { queue: 'here' });
  const worker = await working('--queues', 'here, there', '--concurrency', '1');
  await untilState(here.id, 'succeeded');
  await expect(worker.kill('SIGTERM')).resolves.toMatchObject({ code: 0 });
  await expect(ledger.get(elsewhere.id)).resolves.toMatchObject({ state: 'available' });
});

async function working(...options: readonly string[]): Promise<TestProcess> {
  const worker = startCli(['work', '--jobs', FIXTURES, '--database', database.url, ...options]);
  await worker.waitForLine('started');
  return worker;
}

async function untilState(id: string, state: StateName): Promise<void> {
  await eventually(async () => (await ledger.get(id))?.state === state);
}

/** Keeps the job from the workers of later tests. */
async function end(id: string): Promise<void> {
  await ledger.discard(id, { actor: 'test', reason: 'over' });
}
