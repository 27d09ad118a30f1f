import { expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { defineJob, NonRetryableError } from '../../src/index.js';
import type { HandlerContext, Middleware } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { inState, job, lastEvent, sharedSite, signal, types } from './site.js';

const shared = sharedSite();

test('what a handler returns is stored as the result', async () => {
  const site = shared.current;
  await site.start({
    jobs: [job('add', ({ a, b }: { a: number; b: number }) => ({ sum: a + b }))],
  });
  const { id } = await site.ledger.enqueue('add', { a: 1, b: 2 });
  const done = await inState(site.ledger, id, 'succeeded');
  expect(done).toMatchObject({ result: { sum: 3 }, attempt: 1, counted: 1 });
  expect(await types(site.ledger, id)).toEqual([
    'JobEnqueued',
    'AttemptStarted',
    'AttemptSucceeded',
  ]);
});

test('a handler gets its payload as the schema gives it out, and its result goes through its schema', async () => {
  const site = shared.current;
  const seen: unknown[] = [];
  const parse = defineJob({
    kind: 'parse',
    payload: z.object({ at: z.string().transform((text) => new Date(text)) }),
    result: z.object({ year: z.number() }),
    handle: ({ at }) => {
      expectTypeOf(at).toEqualTypeOf<Date>();
      seen.push(at);
      return { year: at.getUTCFullYear(), more: 'is stripped by the schema' };
    },
  });
  await site.start({ jobs: [parse] });
  const { id } = await site.ledger.enqueue(parse, { at: '2024-02-03T00:00:00Z' });
  const done = await inState(site.ledger, id, 'succeeded');
  expect(seen).toEqual([new Date('2024-02-03T00:00:00Z')]);
  expect(done.result).toEqual({ year: 2024 });
});

test('the attempt names its worker, and its worker is kept on record after its end', async () => {
  const site = shared.current;
  const worker = await site.start({ jobs: [job('one', () => null)] });
  const { id } = await site.ledger.enqueue('one', {});
  await inState(site.ledger, id, 'succeeded');
  const { data } = await lastEvent(site.ledger, id, 'AttemptStarted');
  expect(data.worker).toBe(worker.id);
  await worker.stop();
  await expect(site.ledger.workerInfo('x' as never)).rejects.toMatchObject({
    ...{ code: 'BAD_INPUT', message: expect.stringContaining('id: expected an integer from 1') },
  });
  expect(await site.ledger.workerInfo(data.worker)).toMatchObject({
    pid: process.pid,
    kinds: ['one'],
    endReason: 'stopped',
  });
});

test('a handler is told of its job, and may take its context apart', async () => {
  const site = shared.current;
  const told = signal<object>();
  const look = (_: never, context: HandlerContext): void => {
    const { jobId, kind, queue, attempt, maxAttempts, tenant, principal, metadata } = context;
    const { correlationId, previousError } = context;
    told.resolve({
      ...{ jobId, kind, queue, attempt, maxAttempts, tenant, principal, metadata },
      ...{ correlationId, previousError },
    });
  };
  await site.start({ jobs: [job('look', look, { queue: 'side' })] });
  const { id } = await site.ledger.enqueue(
    'look',
    {},
    {
      ...{ queue: 'side', tenant: 't', principal: 'p', correlationId: 'c', maxAttempts: 3 },
      metadata: { origin: { page: 1 } },
    },
  );
  expect(await told.promise).toEqual({
    ...{ jobId: id, kind: 'look', queue: 'side', attempt: 1, maxAttempts: 3 },
    ...{ tenant: 't', principal: 'p', correlationId: 'c', previousError: undefined },
    metadata: { origin: { page: 1 } },
  });
  await inState(site.ledger, id, 'succeeded');
});

test('metadata is read-only, all the way down', async () => {
  const site = shared.current;
  const write = (_: never, { metadata }: HandlerContext): void => {
    (metadata as { deep: { a: number } }).deep.a = 2;
  };
  await site.start({ jobs: [job('write', write)] });
  const { id } = await site.ledger.enqueue(
    'write',
    {},
    { maxAttempts: 1, metadata: { deep: { a: 1 } } },
  );
  const failed = await inState(site.ledger, id, 'failed');
  expect(failed.previousError).toMatchObject({ name: 'TypeError' });
  expect(failed.metadata).toEqual({ deep: { a: 1 } });
});

test("a handler's log lines carry job, kind and attempt", async () => {
  const site = shared.current;
  await site.start({ jobs: [job('log', (_, { log }) => log.info({ a: 1 }, 'hello'))] });
  const { id } = await site.ledger.enqueue('log', {});
  await inState(site.ledger, id, 'succeeded');
  expect(site.logged.find((line) => line.message === 'hello')).toMatchObject({
    ...{ a: 1, jobId: id, kind: 'log', attempt: 1, level: 'info' },
  });
});

test('follow-ups carry what caused them and to what they belong, from one to the next', async () => {
  const site = shared.current;
  const ids: Record<string, string> = {};
  const last = job('last', () => null);
  const next = (kind: string, follow: string) =>
    job(kind, async (_, { ledger }) => {
      ids[follow] = (await ledger.enqueue(follow, {})).id;
    });
  await site.start({ jobs: [next('first', 'middle'), next('middle', 'last'), last] });
  const { id: first } = await site.ledger.enqueue('first', {});
  await eventually(() => ids['last'] !== undefined);
  await inState(site.ledger, ids['last']!, 'succeeded');
  const metaOf = async (id: string) => (await site.ledger.history(id))[0]!.meta;
  expect(await metaOf(ids['middle']!)).toMatchObject({
    ...{ causationId: first, correlationId: first, hops: 1 },
  });
  expect(await metaOf(ids['last']!)).toMatchObject({
    ...{ causationId: ids['middle'], correlationId: first, hops: 2 },
  });
});

test('progress is recorded, many reports as one', async () => {
  const site = shared.current;
  const go = signal();
  const work = async (_: never, { progress }: HandlerContext) => {
    for (let i = 0; i <= 100; i++) progress(i / 200, `step ${i}`);
    await go.promise;
  };
  await site.start({ jobs: [job('work', work)] });
  const { id } = await site.ledger.enqueue('work', {});
  await eventually(async () => (await types(site.ledger, id)).includes('ProgressReported'));
  expect(await site.ledger.get(id)).toMatchObject({
    ...{ state: 'running', progress: { fraction: 0.5, note: 'step 100' } },
  });
  go.resolve();
  await inState(site.ledger, id, 'succeeded');
  const reports = (await types(site.ledger, id)).filter((type) => type === 'ProgressReported');
  expect(reports).toHaveLength(1);
});

test('progress outside 0 to 1 is refused in a line that names it', async () => {
  const site = shared.current;
  await site.start({
    jobs: [job('bad', (_, { progress }) => progress(Number.NaN))],
  });
  const { id } = await site.ledger.enqueue('bad', {}, { maxAttempts: 1 });
  const failed = await inState(site.ledger, id, 'failed');
  expect(failed.previousError?.message).toContain('progress: expected a fraction from 0 to 1');
});

test('a snoozed job runs again, and the snooze is not counted', async () => {
  const site = shared.current;
  const snooze = (_: never, context: HandlerContext) => {
    if (context.attempt < 3) context.snooze(context.attempt === 1 ? 10 : new Date());
  };
  await site.start({ jobs: [job('nap', snooze)] });
  const { id } = await site.ledger.enqueue('nap', {}, { maxAttempts: 1 });
  const done = await inState(site.ledger, id, 'succeeded');
  expect(done).toMatchObject({ attempt: 3, counted: 1 });
  const snoozed = (await types(site.ledger, id)).filter((type) => type === 'JobSnoozed');
  expect(snoozed).toHaveLength(2);
});

test('a snoozed job is not run before its time', async () => {
  const site = shared.current;
  const until = new Date(Date.now() + 3_600_000);
  await site.start({ jobs: [job('nap', (_, { snooze }) => snooze(until))] });
  const { id } = await site.ledger.enqueue('nap', {});
  const waiting = await inState(site.ledger, id, 'scheduled');
  expect(Date.parse(waiting.runAt)).toBe(until.getTime());
});

test("previousError is the latest failure, through a snooze and an operator's retry", async () => {
  const site = shared.current;
  const seen: (string | undefined)[] = [];
  const handle = (_: never, context: HandlerContext) => {
    seen.push(context.previousError?.message);
    if (context.attempt === 1) throw new Error('first');
    if (context.attempt === 2) context.snooze(0);
    if (context.attempt === 3) throw new NonRetryableError('second');
  };
  await site.start({ jobs: [job('remember', handle)] });
  const { id } = await site.ledger.enqueue('remember', {});
  await inState(site.ledger, id, 'failed');
  await site.ledger.retry(id, { actor: 'ada', reason: 'mended' });
  await inState(site.ledger, id, 'succeeded');
  expect(seen).toEqual([undefined, 'first', 'first', 'second']);
});

test("an operator's retry brings the new payload to the handler", async () => {
  const site = shared.current;
  const fail = (payload: { ok: boolean }) => {
    if (!payload.ok) throw new NonRetryableError('not ok');
    return payload;
  };
  await site.start({ jobs: [job('patch', fail)] });
  const { id } = await site.ledger.enqueue('patch', { ok: false });
  await inState(site.ledger, id, 'failed');
  await site.ledger.retry(id, { actor: 'ada', reason: 'mended', payload: { ok: true } });
  const done = await inState(site.ledger, id, 'succeeded');
  expect(done).toMatchObject({ result: { ok: true }, attempt: 2 });
});

test('the first middleware is the outermost, and sees what the inner ones answer', async () => {
  const site = shared.current;
  const trail: string[] = [];
  const layer =
    (name: string): Middleware =>
    async (payload, { jobId }, next) => {
      trail.push(`${name} in ${typeof jobId} ${JSON.stringify(payload)}`);
      const result = await next();
      trail.push(`${name} out`);
      return `${name}(${String(result)})`;
    };
  const work = job('work', () => (trail.push('handler'), 'done'));
  await site.start({ jobs: [work], middleware: [layer('outer'), layer('inner')] });
  const { id } = await site.ledger.enqueue('work', 1);
  const done = await inState(site.ledger, id, 'succeeded');
  expect(trail).toEqual([
    'outer in string 1',
    'inner in string 1',
    'handler',
    'inner out',
    'outer out',
  ]);
  expect(done.result).toBe('outer(inner(done))');
});

test('middleware that does not call next ends the attempt with what it returns', async () => {
  const site = shared.current;
  let called = false;
  const work = job('work', () => void (called = true));
  await site.start({ jobs: [work], middleware: [() => Promise.resolve('cached')] });
  const { id } = await site.ledger.enqueue('work', {});
  expect((await inState(site.ledger, id, 'succeeded')).result).toBe('cached');
  expect(called).toBe(false);
});

test("middleware's errors are classified like the handler's, synchronous ones too", async () => {
  const site = shared.current;
  const work = job('work', () => null, { classify: () => ({ category: 'permission' }) });
  const refuse: Middleware = () => {
    throw new Error('not for you');
  };
  await site.start({ jobs: [work], middleware: [refuse] });
  const { id } = await site.ledger.enqueue('work', {});
  const failed = await inState(site.ledger, id, 'failed');
  expect(failed.previousError).toMatchObject({ message: 'not for you', category: 'permission' });
});
