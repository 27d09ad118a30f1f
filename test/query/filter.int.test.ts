import fc from 'fast-check';
import { beforeAll, expect, test } from 'vitest';
import type { Job, JobFilter } from '../../src/index.js';
import { FILTER_OPTIONS } from '../../src/ledger/query/job-filter.js';
import { sharedSite } from '../worker/site.js';
import { allPages, HOSTILE, populate, project, samples } from './populate.js';

const site = sharedSite();
let all: readonly Job[];

beforeAll(async () => {
  const ids = await populate(site.current, samples(120, 5));
  const { ledger } = site.current;
  const by = { actor: 'ada', reason: 'test' };
  const read = async (id: string) => (await ledger.get(id))!;
  const failed = (await Promise.all(ids.map(read))).filter(({ state }) => state === 'failed');
  await ledger.retry(failed[0]!.id, { ...by, payload: { text: 'patched' } });
  await ledger.discard(failed[1]!.id, by);
  const scheduled = (await Promise.all(ids.map(read))).find(({ state }) => state === 'scheduled');
  await ledger.cancel(scheduled!.id, by);
  await project(ledger);
  all = await Promise.all(ids.map(read));
  expect(new Set(all.map(({ state }) => state)).size).toBe(7);
}, 60_000);

/** What the filter means, said once more. */
function expected(filter: JobFilter): ReadonlySet<string> {
  const found = all.filter((job) => {
    const error = job.state === 'succeeded' ? undefined : job.previousError;
    const at = (path: string) =>
      path
        .split('.')
        .reduce<unknown>(
          (value, step) => (value as Record<string, unknown> | null | undefined)?.[step],
          job.payload,
        );
    const finished = 'finishedAt' in job ? job.finishedAt : undefined;
    const checks: { readonly [K in keyof JobFilter]-?: (wanted: never) => boolean } = {
      state: (wanted: string | readonly string[]) => [wanted].flat().includes(job.state),
      kind: (wanted: string) => job.kind === wanted,
      queue: (wanted: string) => job.queue === wanted,
      tenant: (wanted: string) => job.meta.tenant === wanted,
      principal: (wanted: string) => job.meta.principal === wanted,
      correlationId: (wanted: string) => job.meta.correlationId === wanted,
      errorCategory: (wanted: string) => error?.category === wanted,
      fingerprint: (wanted: string) => error?.fingerprint === wanted,
      errorText: (wanted: string) =>
        error?.message.toLowerCase().includes(wanted.toLowerCase()) ?? false,
      payload: (wanted: object) =>
        Object.entries(wanted).every(([path, value]) => at(path) === value),
      enqueuedAfter: (wanted: string) => job.createdAt >= wanted,
      enqueuedBefore: (wanted: string) => job.createdAt < wanted,
      finishedAfter: (wanted: string) => finished !== undefined && finished >= wanted,
      finishedBefore: (wanted: string) => finished !== undefined && finished < wanted,
    };
    return Object.entries(filter).every(([name, wanted]) =>
      checks[name as keyof JobFilter](wanted as never),
    );
  });
  return new Set(found.map(({ id }) => id));
}

type Payload = NonNullable<JobFilter['payload']>;

/** Filters that mostly find something: their values are those of some job. */
function filters(): fc.Arbitrary<JobFilter> {
  const of = <T>(pick: (job: Job) => T | undefined) =>
    fc.constantFrom(
      ...all.flatMap((job) => {
        const value = pick(job);
        return value === undefined ? [] : [value];
      }),
    );
  const payload = fc.oneof(
    of((job) => ({ text: (job.payload as { text: string }).text })),
    fc.record({ n: fc.integer({ min: 0, max: 3 }), 'deep.list.0': fc.boolean() }),
    fc.constant({ 'deep.a b': null }),
    fc.constantFrom<Payload>(
      { n: '1' },
      { 'n.text': 1 },
      { 'no.such': null },
      { 'deep.list': 'x' },
    ),
  );
  const finished = of((job) => ('finishedAt' in job ? job.finishedAt : undefined));
  const whole: fc.Arbitrary<Required<JobFilter>> = fc.record({
    state: fc.oneof(
      of((job) => job.state),
      fc.uniqueArray(
        of((job) => job.state),
        { minLength: 1, maxLength: 4 },
      ),
    ),
    kind: of((job) => job.kind),
    queue: of((job) => job.queue),
    tenant: of((job) => job.meta.tenant),
    principal: of((job) => job.meta.principal),
    correlationId: of((job) => job.meta.correlationId),
    errorCategory: of((job) => job.previousError?.category),
    fingerprint: of((job) => job.previousError?.fingerprint),
    errorText: fc.constantFrom('OF', 'not-found', 'Unknown of', ...HOSTILE),
    payload,
    enqueuedAfter: of((job) => job.createdAt),
    enqueuedBefore: of((job) => job.createdAt),
    finishedAfter: finished,
    finishedBefore: finished,
  });
  const names = fc.subarray(Object.keys(FILTER_OPTIONS) as (keyof JobFilter)[], {
    minLength: 0,
    maxLength: 3,
  });
  return fc
    .tuple(whole, names)
    .map(([filter, chosen]) => Object.fromEntries(chosen.map((name) => [name, filter[name]])));
}

test('pages and counts hold exactly the jobs whose events fit the filter', async () => {
  const { ledger } = site.current;
  let found = 0;
  await fc.assert(
    fc.asyncProperty(filters(), fc.constantFrom(3, 7, 100), async (filter, limit) => {
      const ids = await allPages(ledger, { ...filter, limit });
      expect(ids).toHaveLength(new Set(ids).size);
      expect(new Set(ids)).toEqual(expected(filter));
      expect(await ledger.count(filter)).toBe(ids.length);
      found += ids.length;
    }),
    { numRuns: 100, seed: 7 },
  );
  expect(found).toBeGreaterThan(300);
}, 60_000);

test('each part of a filter alone finds its jobs, and others not', async () => {
  const { ledger } = site.current;
  const job = all.find(({ state, meta }) => state === 'failed' && meta.tenant && meta.principal)!;
  const error = job.previousError!;
  const latest = all
    .map((one) => ('finishedAt' in one ? one.finishedAt : ''))
    .sort()
    .at(-1)!;
  const parts: JobFilter[] = [
    ...[{ state: 'failed' as const }, { kind: job.kind }, { queue: job.queue }],
    ...[{ tenant: job.meta.tenant! }, { principal: job.meta.principal! }],
    ...[{ errorCategory: error.category }, { fingerprint: error.fingerprint }],
    ...[{ errorText: error.message }, { payload: { n: (job.payload as { n: number }).n } }],
    { correlationId: all.find(({ meta }) => meta.correlationId)!.meta.correlationId! },
    { enqueuedAfter: all[60]!.createdAt },
    { enqueuedBefore: all[60]!.createdAt },
    { finishedAfter: latest },
    { finishedBefore: new Date(latest) },
  ];
  for (const filter of parts) {
    const ids = await allPages(ledger, { ...filter, limit: 100 });
    const times = Object.fromEntries(
      Object.entries(filter).map(([name, value]: [string, unknown]) => [
        name,
        value instanceof Date ? value.toISOString().replace('Z', '000Z') : value,
      ]),
    );
    expect(new Set(ids)).toEqual(expected(times));
    expect(ids.length).toBeGreaterThan(0);
    expect(ids.length).toBeLessThan(all.length);
  }
});

test('list by other things than state, kind and queue is the first page', async () => {
  const { ledger } = site.current;
  const filter = { state: ['failed', 'retrying'] as const, limit: 5 };
  expect(await ledger.list(filter)).toEqual((await ledger.listPage(filter)).jobs);
  expect(await ledger.list(filter)).toHaveLength(5);
});

test('a retried job with a new payload is found by the new one', async () => {
  const { ledger } = site.current;
  const [found] = await ledger.list({ payload: { text: 'patched' } });
  expect(await ledger.get(found!.id)).toMatchObject({ payload: { text: 'patched' } });
});

test('counts by state, kind and queue are those of stats', async () => {
  const { ledger } = site.current;
  const { states } = await ledger.stats();
  expect(await ledger.count({ state: 'failed' })).toBe(states.failed);
  expect(await ledger.count({ state: ['succeeded', 'failed'], kind: 'a' })).toBe(
    expected({ state: ['succeeded', 'failed'], kind: 'a' }).size,
  );
  expect(await ledger.count()).toBe(all.length);
});
