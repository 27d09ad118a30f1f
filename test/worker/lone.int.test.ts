import { expect, test } from 'vitest';
import type { HandlerContext, JsonObject } from '../../src/index.js';
import { inState, job, sharedSite } from './site.js';

const shared = sharedSite();

/** What a handler was given, of what a claim brings. */
const given = (payload: unknown, context: HandlerContext) => {
  const { jobId, attempt, maxAttempts, metadata, tenant, previousError } = context;
  return { payload, jobId, attempt, maxAttempts, metadata, tenant, error: previousError?.message };
};

const large = 'x'.repeat(20_000);

test.each<[string, unknown, JsonObject | undefined]>([
  ['small', { n: 1 }, undefined],
  ['small, with metadata', ['…', null, 2.5], { of: 'this' }],
  ['large', { large }, undefined],
  ['of large metadata', 1, { large }],
])('a job that comes alone brings all its handler needs: %s', async (_, payload, metadata) => {
  const { ledger, start } = shared.current;
  const seen: unknown[] = [];
  const handle = (value: unknown, context: HandlerContext) => {
    seen.push(given(value, context));
    if (context.attempt === 1) throw new Error('once');
  };
  const lone = job(`lone ${_}`, handle);
  await start({ jobs: [job('other', () => null), lone] });
  const options = { tenant: 'acme', maxAttempts: 7, ...(metadata && { metadata }) };
  const { id } = await ledger.enqueue(lone, payload, options);
  await inState(ledger, id, 'succeeded');
  const common = { payload, jobId: id, maxAttempts: 7, metadata: metadata ?? {}, tenant: 'acme' };
  expect(seen).toEqual([
    { ...common, attempt: 1, error: undefined },
    { ...common, attempt: 2, error: 'once' },
  ]);
});

test('jobs that come together follow a lone claim in order', async () => {
  const { ledger, start } = shared.current;
  const began: unknown[] = [];
  const kind = job('together', (n: number) => void began.push(n));
  await start({ jobs: [kind], concurrency: 1, fetchAhead: 0 });
  const last = await ledger.enqueueMany(
    Array.from({ length: 20 }, (_, n) => ({ job: kind, payload: n })),
    { atomic: true },
  );
  await inState(ledger, last.at(-1)!.id, 'succeeded');
  expect(began).toEqual(Array.from({ length: 20 }, (_, n) => n));
});
