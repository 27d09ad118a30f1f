import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { expect, test } from 'vitest';
import { defineJob, type Actor, type Ledger } from 'jobledger';
import { MAX_EVENT_BYTES } from '../../src/job/limits.js';
import { execute } from '../../src/ledger/outcome/execute.js';
import { partitionOf } from '../../src/ledger/ids.js';
import { fail } from '../support/fail-job.js';
import { ledgerSite } from '../support/ledger.js';

const site = await ledgerSite();
const by = { actor: 'ada', reason: 'customer asked' };
const HOUR_MS = 3_600_000;
const later = (ms = HOUR_MS) => new Date(Date.now() + ms);

const agrees = async (ledger: Ledger) => expect((await ledger.verify()).differences).toEqual([]);

const failed = async (ledger: Ledger, kind: string, options: object = {}): Promise<string> => {
  const { id } = await ledger.enqueue(kind, { n: 1 }, { maxAttempts: 1, ...options });
  await fail(ledger, kind, id);
  return id;
};

test('cancel and discard end a waiting job, and say who and why', async () => {
  const ledger = await site.open();
  for (const options of [{}, { runAt: later() }]) {
    for (const [command, type, state] of [
      ['cancel', 'JobCanceled', 'canceled'],
      ['discard', 'JobDiscarded', 'discarded'],
    ] as const) {
      const { id } = await ledger.enqueue('end', {}, options);
      const answer = await ledger[command](id, by);
      expect(answer).toMatchObject({ id, state, reason: by.reason, version: 2 });
      expect(await ledger.get(id)).toEqual(answer);
      expect((await ledger.history(id)).at(-1)).toMatchObject({
        type,
        data: { reason: by.reason },
        meta: { actor: 'ada' },
      });
    }
  }
  await agrees(ledger);
});

test('retry grants a failed job one more attempt unless told, with a new payload if given', async () => {
  const ledger = await site.open();
  const id = await failed(ledger, 'again');
  const answer = await ledger.retry(id, by);
  expect(answer).toMatchObject({ state: 'available', counted: 1, maxAttempts: 2 });
  expect(await ledger.get(id)).toEqual(answer);
  await fail(ledger, 'again', id);
  const patched = await ledger.retry(id, { ...by, extraAttempts: 4, payload: { n: 2 } });
  expect(patched).toMatchObject({ counted: 2, maxAttempts: 6, payload: { n: 2 } });
  expect(await ledger.get(id)).toEqual(patched);
  expect((await ledger.history(id)).at(-1)).toMatchObject({
    type: 'JobRetried',
    data: { reason: by.reason, extraAttempts: 4, maxAttempts: 6, payload: { n: 2 } },
    meta: { actor: 'ada' },
  });
  await agrees(ledger);
});

test('a retried job runs with its new payload', async () => {
  const ledger = await site.open();
  const id = await failed(ledger, 'patched');
  await ledger.retry(id, { ...by, payload: { n: 9 } });
  let run: (value: unknown) => void;
  const seen = new Promise((resolve) => (run = resolve));
  const job = defineJob({ kind: 'patched', payload: z.any(), handle: (payload) => run(payload) });
  await ledger.worker({ jobs: [job] }).start();
  expect(await seen).toEqual({ n: 9 });
});

test('reschedule moves a waiting job in time, to now as well', async () => {
  const ledger = await site.open();
  const { id } = await ledger.enqueue('time', {}, { runAt: later() });
  const runAt = later(2 * HOUR_MS);
  const answer = await ledger.reschedule(id, { ...by, runAt });
  expect(answer).toMatchObject({
    state: 'scheduled',
    runAt: runAt.toISOString().replace('Z', '000Z'),
    attempt: 0,
  });
  expect(await ledger.get(id)).toEqual(answer);
  await agrees(ledger);
  const now = await ledger.reschedule(id, { ...by, runAt: '2020-01-01T00:00:00Z' });
  expect(now.state).toBe('available');
  expect((await ledger.get(id))!.state).toBe('available');
  await agrees(ledger);
});

test('a job that was promoted while it was rescheduled still waits for its new time', async () => {
  const ledger = await site.open();
  const { id } = await ledger.enqueue('promoted', {}, { runAt: later() });
  // As a promoter does whose clock is a moment ahead of the command's.
  await site.ask(
    `with gone as (delete from jobledger.scheduled where job_id = $1 returning *)
     insert into jobledger.ready(job_id, position, attempt, counted, max_attempts, version, partition,
       priority, queue, kind) select job_id, position, attempt, counted, max_attempts, version,
       partition, priority, queue, kind from gone`,
    [id],
  );
  await ledger.reschedule(id, { ...by, runAt: later(2 * HOUR_MS) });
  expect(await site.ask(`select from jobledger.ready where job_id = $1`, [id])).toEqual([]);
  expect(await site.ask(`select from jobledger.scheduled where job_id = $1`, [id])).toHaveLength(1);
  await agrees(ledger);
});

test('reprioritize changes the place in line, wherever the job waits', async () => {
  const ledger = await site.open();
  for (const options of [{}, { runAt: later() }]) {
    const { id } = await ledger.enqueue('line', {}, options);
    expect(await ledger.reprioritize(id, { ...by, priority: -7 })).toMatchObject({ priority: -7 });
    expect((await ledger.history(id)).at(-1)).toMatchObject({
      type: 'JobReprioritized',
      data: { from: 0, to: -7 },
      meta: { actor: 'ada' },
    });
  }
  await agrees(ledger);
});

test('commands take short ids', async () => {
  const ledger = await site.open();
  const { id, shortId } = await ledger.enqueue('short', {});
  expect(await ledger.cancel(shortId!, by)).toMatchObject({ id, shortId, state: 'canceled' });
});

test('of many operators with one command, one wins and the others are refused', async () => {
  const ledgers = [await site.open(), await site.open()];
  const id = await failed(ledgers[0]!, 'race', { unique: { key: 'race' } });
  const settled = await Promise.allSettled(
    Array.from({ length: 8 }, (_, n) => ledgers[n % 2]!.retry(id, { ...by, actor: `op ${n}` })),
  );
  expect(settled.filter((one) => one.status === 'fulfilled')).toHaveLength(1);
  for (const one of settled) {
    if (one.status === 'fulfilled') continue;
    expect(one.reason).toMatchObject({
      code: 'ILLEGAL_STATE',
      jobId: id,
      message: `job ${id} is available; only a failed job can be retried`,
    });
  }
  const types = (await ledgers[0]!.history(id)).map((event) => event.type);
  expect(types.filter((type) => type === 'JobRetried')).toHaveLength(1);
  await agrees(ledgers[0]!);
});

test('what is refused changes nothing', async () => {
  const ledger = await site.open();
  const { id } = await ledger.enqueue('done', {});
  await ledger.cancel(id, by);
  const waiting = await ledger.enqueue('waits', {});
  const calls: readonly (() => Promise<unknown>)[] = [
    () => ledger.cancel(id, by),
    () => ledger.retry(id, by),
    () => ledger.discard(id, by),
    () => ledger.reschedule(id, { ...by, runAt: later() }),
    () => ledger.reprioritize(id, { ...by, priority: 1 }),
    () => ledger.retry(waiting.id, by),
    () => ledger.reschedule(waiting.id, { ...by, runAt: later() }),
  ];
  const before = [await ledger.history(id), await ledger.history(waiting.id)];
  for (const call of calls) await expect(call()).rejects.toMatchObject({ code: 'ILLEGAL_STATE' });
  expect([await ledger.history(id), await ledger.history(waiting.id)]).toEqual(before);
  await agrees(ledger);
});

test('an unknown job is not found, and bad input is named', async () => {
  const known = defineJob({ kind: 'known', payload: z.object({ n: z.number() }) });
  const ledger = await site.open({ jobs: [known] });
  const unknown = randomUUID();
  for (const id of [unknown, '0/99999']) {
    await expect(ledger.cancel(id, by)).rejects.toMatchObject({
      code: 'JOB_NOT_FOUND',
      message: `job ${id}: not found`,
    });
  }
  const { id } = await ledger.enqueue(known, { n: 1 }, { maxAttempts: 1 });
  const calls: readonly (readonly [() => Promise<unknown>, RegExp])[] = [
    [() => ledger.cancel('x', by), /^id: expected a UUID/],
    [() => ledger.cancel(id, undefined as unknown as Actor), /^actor: expected/],
    [() => ledger.retry(id, undefined as unknown as Actor), /^actor: expected/],
    [() => ledger.cancel(id, { actor: 'ada', reason: '' }), /^reason:.*blank/],
    [() => ledger.reprioritize(id, { ...by, priority: 1e6 }), /^priority: expected an integer/],
    [() => ledger.reschedule(id, { ...by, runAt: new Date(Number.NaN) }), /^runAt: expected/],
    [() => ledger.retry(id, { ...by, extraAttempts: 0 }), /^extraAttempts: expected an integer/],
    [() => ledger.retry(id, { ...by, payload: { n: Number.NaN } }), /^payload\.n: NaN/],
    [() => ledger.retry(id, { ...by, payload: { n: 'x' } }), /^payload of "known": n: /],
  ];
  for (const [call, line] of calls) await expect(call()).rejects.toThrow(line);
  expect(await ledger.history(id)).toHaveLength(1);
});

test('the size limit counts the whole event of a retry, and not the payload alone', async () => {
  const ledger = await site.open();
  const id = await failed(ledger, 'large');
  const fits = 'x'.repeat(MAX_EVENT_BYTES - 1_000);
  const beyond = 'x'.repeat(MAX_EVENT_BYTES - 20);
  await expect(ledger.retry(id, { ...by, payload: beyond })).rejects.toMatchObject({
    code: 'PAYLOAD_TOO_LARGE',
    message: expect.stringMatching(/^payload: expected an event of at most 786432 bytes, got 7865/),
  });
  expect(await ledger.retry(id, { ...by, payload: fits })).toMatchObject({ payload: fits });
  const [event] = await site.ask<{ bytes: number }>(
    `select octet_length(data::text) as bytes from jobledger.events
     where stream_id = $1 and type = 'JobRetried'`,
    [id],
  );
  expect(event!.bytes).toBeLessThanOrEqual(MAX_EVENT_BYTES);
});

test('a job whose events cannot be read refuses its own commands and nobody else’s', async () => {
  const ledger = await site.open();
  const [newer, known] = [randomUUID(), randomUUID()].map((id) => `${id.slice(0, -2)}05`);
  for (const id of [newer!, known!]) await ledger.enqueue('newer', {}, { id });
  await site.ask(`alter type jobledger.event_type add value 'JobPaused'`);
  await site.ask(
    `insert into jobledger.events select partition,
       (select max(position) + 1 from jobledger.events m where m.partition = e.partition),
       stream_id, 2, 'JobPaused', 2, kind, queue, '{}', '{}', clock_timestamp()
     from jobledger.events e where stream_id = $1`,
    [newer],
  );
  const store = await site.store();
  const orders = [newer!, known!].map(
    (jobId) => ({ jobId, command: { type: 'CancelJob', ...by } }) as const,
  );
  const executions = await execute(store, partitionOf(newer!, store.partitions), orders);
  expect(executions).toMatchObject([{ rejected: 'UNREADABLE' }, { after: { state: 'canceled' } }]);
  await expect(ledger.cancel(newer!, by)).rejects.toMatchObject({
    code: 'ILLEGAL_STATE',
    jobId: newer,
    message: expect.stringMatching(
      /^job .*: its events cannot be read by this program: .*JobPaused/,
    ),
  });
});
