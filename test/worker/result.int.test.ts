import { createHook } from 'node:async_hooks';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { defineJob } from '../../src/index.js';
import { eventually } from '../support/eventually.js';
import { inState, job, lastEvent, sharedSite } from './site.js';

const shared = sharedSite();

const cyclic: Record<string, unknown> = {};
cyclic['self'] = cyclic;

test.each([
  ['too large', 'x'.repeat(70_000), /at most 65536 bytes/],
  ['a BigInt', { n: 1n }, /result\.n/],
  ['a cycle', cyclic, /result\.self/],
  ['not a number', { n: Number.NaN }, /result\.n/],
  ['text that jsonb refuses', { a: 'x\u0000y' }, /result\.a/],
  ['a function', () => 1, /result/],
])('a result that is %s is left out, and the job has succeeded', async (name, value, why) => {
  const { ledger, start } = shared.current;
  const runnable = job(`result.${name}`, () => value);
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  const done = await inState(ledger, id, 'succeeded');
  expect(done.result).toBeUndefined();
  expect(done.resultOmitted).toMatch(why);
});

test('a result that its schema refuses is left out, and the event says what is wrong', async () => {
  const { ledger, start } = shared.current;
  const runnable = defineJob({
    kind: 'result.refused',
    payload: z.any(),
    result: z.object({ n: z.number() }),
    handle: () => ({ n: 'one' }) as never,
  });
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  const done = await inState(ledger, id, 'succeeded');
  expect(done.resultOmitted).toMatch(/^result: n: /);
});

test.each([
  ['a zero character', 'got \u0000'],
  ['half a character', 'got \ud800'],
  ['line breaks', 'got\r\n that'],
  ['no end, and a cut within a character', `x${'🙂'.repeat(2_000)}`],
])('a schema that refuses a result with a text of %s fails no job', async (name, message) => {
  const { ledger, start } = shared.current;
  const refusing = z.any().refine(() => false, { message });
  const runnable = defineJob({
    ...{ kind: `result.text.${name}`, payload: z.any(), result: refusing, handle: () => 1 },
  });
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  const done = await inState(ledger, id, 'succeeded');
  expect(done.resultOmitted).toMatch(/^result: (got|x).{1,492}$/u);
});

test('a result schema that throws leaves the result out', async () => {
  const { ledger, start } = shared.current;
  const broken = z.any().transform(() => {
    throw new Error('validator');
  });
  const runnable = defineJob({
    ...{ kind: 'result.throws', payload: z.any(), result: broken, handle: () => 1 },
  });
  await start({ jobs: [runnable] });
  const { id } = await ledger.enqueue(runnable, {});
  const done = await inState(ledger, id, 'succeeded');
  expect(done.resultOmitted).toBe('result: its validator threw');
});

/** Timers of this length that are made from here on; gives those that are not over. */
function timersOf(lengthMs: number): ReadonlySet<number> {
  const open = new Set<number>();
  const hook = createHook({
    init: (id, type, _, resource) => {
      const { _idleTimeout: length } = resource as { _idleTimeout?: number };
      if (type === 'Timeout' && length === lengthMs) open.add(id);
    },
    destroy: (id) => void open.delete(id),
  }).enable();
  onTestFinished(() => void hook.disable());
  return open;
}

test('a result schema that does not answer leaves the result out, and one that does leaves no timer', async () => {
  const { ledger, start } = shared.current;
  const open = timersOf(5_000);
  const schemas = {
    plain: z.number(),
    later: z.number().refine((n) => Promise.resolve(n >= 0)),
    never: z.number().refine(() => new Promise<boolean>(() => undefined)),
  };
  const jobs = Object.entries(schemas).map(([name, result]) =>
    defineJob({ kind: `result.${name}`, payload: z.any(), result, handle: () => 1 }),
  );
  await start({ jobs });
  for (const kind of ['result.plain', 'result.later']) {
    const { id } = await ledger.enqueue(kind, {});
    expect(await inState(ledger, id, 'succeeded')).toMatchObject({ result: 1 });
    await eventually(() => expect(open).toEqual(new Set()), { timeoutMs: 2_000 });
  }
  const { id } = await ledger.enqueue('result.never', {});
  const done = await inState(ledger, id, 'succeeded');
  expect(done.resultOmitted).toBe('result: its validator did not answer');
});

test('what a handler does to its result after returning it does not reach the ledger', async () => {
  const { ledger, start } = shared.current;
  const result = { n: 1 };
  const runnable = job('result.later', () => result);
  const harm = async (_: unknown, __: unknown, next: () => Promise<unknown>) => {
    const value = await next();
    setImmediate(() => ((result as { n: unknown }).n = 2n));
    return value;
  };
  await start({ jobs: [runnable], middleware: [harm] });
  const { id } = await ledger.enqueue(runnable, {});
  expect((await inState(ledger, id, 'succeeded')).result).toEqual({ n: 1 });
});

test('an outcome that Postgres refuses is set right alone, and its neighbours stand', async () => {
  const { ledger, start, sql } = shared.current;
  await sql(`create function refuse_marked() returns trigger language plpgsql as $$ begin
    if new.data::text like '%REFUSED%' then raise exception 'marked' using errcode = '22023'; end if;
    return new; end $$`);
  await sql(`create trigger refuse_marked before insert on jobledger.events
    for each row when (new.type in ('AttemptSucceeded', 'AttemptFailed')) execute function refuse_marked()`);
  const mixed = job('mixed', (n: number) => {
    if (n === 7) return 'REFUSED';
    if (n === 9) throw new Error('REFUSED');
    return n;
  });
  const items = Array.from({ length: 20 }, (_, n) => ({ job: mixed, payload: n }));
  const made = await ledger.enqueueMany(items, { atomic: true });
  await start({ jobs: [mixed], concurrency: 20 });
  for (const [n, { id }] of made.entries()) {
    if (n === 9) {
      const failed = await inState(ledger, id, 'failed');
      expect(failed.previousError).toMatchObject({ name: 'Unstorable', category: 'programming' });
      expect((await lastEvent(ledger, id, 'AttemptFailed')).data.decision.action).toBe('fail');
    } else {
      const done = await inState(ledger, id, 'succeeded');
      expect(done.result).toBe(n === 7 ? undefined : n);
      expect(done.resultOmitted).toBe(n === 7 ? 'result: Postgres cannot store it' : undefined);
    }
  }
});
